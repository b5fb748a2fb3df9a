import { describe, expect, it } from 'vitest';
import { EarlyStopping, type Monitor } from '../../../src/train/trainer/earlyStopping.ts';

describe('EarlyStopping', () => {
  const run = (monitor: Monitor, patience: number, values: number[], minDelta?: number) => {
    const stopping = new EarlyStopping({ monitor, patience, minDelta });
    const answers = values.map((value) => stopping.update(value)[0]).join('');
    return [answers, stopping.best, stopping.bestEpoch];
  };

  it('stops after patience epochs in a row without improvement', () => {
    expect(run('validLoss', 2, [0.7, 0.5, 0.6, 0.4, 0.4, 0.5])).toEqual(['iiwiws', 0.4, 4]);
    expect(run('validAccuracy', 2, [0.7, 0.8, 0.8, 0.75])).toEqual(['iiws', 0.8, 2]);
  });

  it('stops at once with patience 1 or 0', () => {
    expect(run('validLoss', 1, [1, 1])).toEqual(['is', 1, 1]);
    expect(run('validLoss', 0, [1, 2])).toEqual(['is', 1, 1]);
  });

  it('asks for more than minDelta', () => {
    expect(run('validLoss', 3, [1, 0.75, 0.5, 0.4375], 0.25)).toEqual(['iwiw', 0.5, 3]);
  });

  it('never takes NaN for an improvement', () => {
    expect(run('validLoss', 2, [Number.NaN, 0.5, Number.NaN, Number.NaN])).toEqual([
      'wiws',
      0.5,
      2,
    ]);
    expect(run('validAccuracy', 2, [Number.NaN, Number.NaN])).toEqual(['ws', undefined, 0]);
  });

  it('rejects a patience or minDelta that is none', () => {
    expect(() => new EarlyStopping({ monitor: 'validLoss', patience: -1 })).toThrow('patience');
    expect(
      () => new EarlyStopping({ monitor: 'validLoss', patience: 1, minDelta: Number.NaN }),
    ).toThrow('minDelta');
  });
});
