import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgress, type ProgressOptions } from '../../src/cli/progress.ts';

beforeEach(
  () => void vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] }),
);
afterEach(() => void vi.useRealTimers());

function watch(isTTY: boolean, options: Partial<ProgressOptions> = {}) {
  let written = '';
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 140,
  }) as unknown as NodeJS.WriteStream;
  stream.write = (text: string | Uint8Array) => {
    written += text;
    return true;
  };
  const progress = createProgress({ totalSteps: 100, totalEpochs: 2, stream, ...options });
  return { progress, written: () => written };
}

const status = (step: number) => ({
  epoch: 1,
  step,
  loss: 0.5,
  examplesPerSecond: 123.4,
  tokensPerSecond: 4567.8,
});

describe('progress without a terminal', () => {
  it('writes a plain line every so many seconds, and the last one before what is logged', () => {
    const { progress, written } = watch(false, { lineInterval: 5 });
    for (let step = 1; step <= 16; step++) {
      vi.advanceTimersByTime(1000);
      progress.update(status(step));
    }
    progress.log('epoch 1 done');
    progress.stop();
    expect(written()).toBe(
      [
        'epoch 1/2 · step 5/100 · loss 0.500 · 123 texts/s · 4568 tokens/s · 01:35 left',
        'epoch 1/2 · step 10/100 · loss 0.500 · 123 texts/s · 4568 tokens/s · 01:30 left',
        'epoch 1/2 · step 15/100 · loss 0.500 · 123 texts/s · 4568 tokens/s · 01:25 left',
        'epoch 1/2 · step 16/100 · loss 0.500 · 123 texts/s · 4568 tokens/s · 01:24 left',
        'epoch 1 done',
        '',
      ].join('\n'),
    );
  });

  it('knows no time left after one step, and counts hours', () => {
    const { progress, written } = watch(false, { lineInterval: 0, totalSteps: 101 });
    progress.update({ ...status(1), examplesPerSecond: 2.345, utilisation: 0.0456 });
    vi.advanceTimersByTime(60_000);
    progress.update(status(2));
    expect(written()).toContain('2.3 texts/s · 4568 tokens/s · 4.6 % of peak · – left');
    expect(written()).toContain('1:39:00 left');
    progress.stop();
    expect(written().split('\n')).toHaveLength(3);
  });

  it('writes nothing at stop when nothing happened', () => {
    const { progress, written } = watch(false);
    progress.stop();
    expect(written()).toBe('');
  });
});

describe('progress on a terminal', () => {
  it('draws one bar, keeps logged lines, and ends its timer and the hidden cursor', () => {
    const { progress, written } = watch(true);
    progress.update(status(1));
    vi.advanceTimersByTime(2000);
    progress.update({ ...status(50), utilisation: 0.4567 });
    expect(written()).toMatch(
      new RegExp(
        'epoch 1/2 █{8}░{8} 50/100 · 00:02 left · loss 0\\.500 · ' +
          '123 texts/s · 4568 tokens/s · 46 % of peak',
      ),
    );
    progress.log('validation loss 0.4');
    progress.update(status(100));
    progress.stop();
    expect(written()).toContain('validation loss 0.4\n');
    expect(written().lastIndexOf('100/100')).toBeGreaterThan(written().indexOf('validation loss'));
    expect(written().endsWith('\n')).toBe(true);
    expect(written().lastIndexOf('\x1b[?25h')).toBeGreaterThan(written().lastIndexOf('\x1b[?25l'));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves Ctrl-C to the caller', () => {
    const before = process.listenerCount('SIGINT');
    const { progress } = watch(true);
    expect(process.listenerCount('SIGINT')).toBe(before);
    progress.stop();
  });
});

it('shows nothing when silent', () => {
  for (const isTTY of [true, false]) {
    const { progress, written } = watch(isTTY, { silent: true, lineInterval: 0 });
    progress.update(status(1));
    progress.log('line');
    progress.stop();
    expect(written()).toBe('');
  }
});
