import { expect, it, onTestFinished, vi } from 'vitest';
import { showDevices } from '../../src/cli/demonstration.ts';

const timeDevices = vi.hoisted(() => vi.fn());
vi.mock('../../src/bench/devices.ts', () => ({ timeDevices }));

const said = (stream: 'log' | 'error') => {
  const spy = vi.spyOn(console, stream).mockImplementation(() => {});
  onTestFinished(() => spy.mockRestore());
  return () => spy.mock.calls.flat().join('\n');
};

it('the demo prints a table of the devices', async () => {
  const out = said('log');
  const peaks = { flops: 2e9, bytesPerSecond: 3e9 };
  timeDevices.mockResolvedValueOnce([{ device: 'cpu', adapter: 'X', peaks, stepMilliseconds: 4 }]);
  await showDevices();
  expect(out()).toMatch(/^device.*\ncpu +X +2 +3 +4$/m);
});

it.each(['out of memory', 'the device is lost'])(
  'the demo has succeeded although a device cannot be timed (%s)',
  async (message) => {
    const [out, notes] = [said('log'), said('error')];
    timeDevices.mockRejectedValueOnce(new Error(message));
    await showDevices();
    expect(out()).toBe('');
    expect(notes()).toContain(`could not be timed: ${message}`);
  },
);
