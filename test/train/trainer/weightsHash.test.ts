import { describe, expect, it } from 'vitest';
import { labelFields } from '../../../src/bert/config.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import { createTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { weightsHash } from '../../../src/train/trainer/weightsHash.ts';
import { config } from './fixtures.ts';

const modelOf = (seed: number, labels = ['a', 'b']) => {
  setDevice(new CpuDevice());
  return createTaskModel(tasks.classification, { ...config, ...labelFields(labels) }, seed);
};

describe('weightsHash', () => {
  it('is the same for the same weights', async () => {
    const [a, b] = [modelOf(1), modelOf(1)];
    expect(await weightsHash(a)).toMatch(/^[0-9a-f]{64}$/);
    expect(await weightsHash(b)).toBe(await weightsHash(a));
  });

  it('differs for a single bit of any weight, and for another shape', async () => {
    const model = modelOf(1);
    const hash = await weightsHash(model);
    expect(await weightsHash(modelOf(2))).not.toBe(hash);
    expect(await weightsHash(modelOf(1, ['a', 'b', 'c']))).not.toBe(hash);
    for (const [, tensor] of model.namedParameters()) {
      const data = (await tensor.data()) as Float32Array;
      const changed = data.slice();
      new Uint32Array(changed.buffer)[data.length - 1] ^= 1;
      tensor.copy_(changed);
      expect(await weightsHash(model)).not.toBe(hash);
      tensor.copy_(data);
      expect(await weightsHash(model)).toBe(hash);
    }
  });
});
