import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { accumulate } from '../../../src/kernels/memory.ts';
import { Embedding } from '../../../src/nn/index.ts';
import { SGD } from '../../../src/nn/optim/index.ts';
import { launch } from '../../../src/tensor/checkedLaunch.ts';
import { gradBufferOf } from '../../../src/tensor/gradBuffer.ts';
import * as w from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

const cpu = new CpuDevice();
const webgpu = await tryWebGpu();
afterAll(() => {
  w.setDevice(cpu);
  webgpu?.destroy();
});

const [ROWS, SIZE] = [50, 12];
const indices = (...ids: number[]) => w.tensor(Int32Array.from(ids));

/** A table whose gradient an optimiser keeps. */
function table(device: Device) {
  w.setDevice(device);
  w.manualSeed(1);
  const { weight } = new Embedding(ROWS, SIZE);
  return { weight, optimizer: new SGD([weight], { lr: 0.1 }) };
}
/** Σ over look-ups of `scale`, and over all of the table of `dense`, if that is not 0. */
function lossOf(weight: w.Tensor, ids: w.Tensor, scale: number, dense = 0): w.Tensor {
  const rows = w.embedding(ids, weight).mul(scale).sum();
  return dense === 0 ? rows : rows.add(weight.mul(dense).sum());
}
const expectedGrad = (ids: readonly number[], scale: number, dense = 0): Float32Array =>
  Float32Array.from(
    { length: ROWS * SIZE },
    (_, i) => dense + scale * ids.filter((id) => id === Math.floor(i / SIZE)).length,
  );

describe.each([
  ['cpu', cpu],
  ['webgpu', webgpu],
] as const)('gradients of look-ups on %s', (_, device) => {
  const here = it.skipIf(!device);

  here('touch only the rows that occurred, and those of the step before', async () => {
    const { weight, optimizer } = table(device!);
    const step = (...ids: number[]) => w.scope(() => lossOf(weight, indices(...ids), 2).backward());
    step(3, 7, 3);
    // What no row of the gradient should be, where nobody is looking.
    const { binding } = gradBufferOf(weight)!;
    device!.write({ ...binding, offset: binding.offset + 20 * SIZE * 4 }, Float32Array.of(99));
    optimizer.zeroGrad();
    step(8, 7);
    const expected = expectedGrad([8, 7], 2);
    expected[20 * SIZE] = 99;
    expect(await weight.grad!.data()).toEqual(expected);
    optimizer.dispose();
    weight.dispose();
  });

  here('leave out the padding row, which begins at 0', async () => {
    w.setDevice(device!);
    const embedding = new Embedding(3, 2, 1);
    const rows = (await embedding.weight.tolist()) as number[][];
    expect(rows.map((row) => row.includes(0))).toEqual([false, true, false]);
    expect(rows[1]).toEqual([0, 0]);
    embedding
      .forward(indices(1, 2, 1))
      .sum()
      .backward();
    expect(await embedding.weight.grad!.tolist()).toEqual([0, 0, 1].map((value) => [value, value]));
  });

  here('are whole gradients, whatever came before', async () => {
    const { weight, optimizer } = table(device!);
    const check = async (ids: number[], scale: number, dense: number) => {
      w.scope(() => lossOf(weight, indices(...ids), scale, dense).backward());
      expect(await weight.grad!.data()).toEqual(expectedGrad(ids, scale, dense));
    };
    await check([3, 7, 3], 1, 0);
    optimizer.zeroGrad();
    await check([4], 2, 0.5);
    optimizer.zeroGrad();
    await check([9, 9], 3, 0);
    optimizer.zeroGrad();
    await check([1], 1, 0);
    weight.grad!.copy_(new Float32Array(ROWS * SIZE).fill(5));
    optimizer.zeroGrad();
    await check([2, 49, 0], 4, 0);
    // Another backward adds to it.
    w.scope(() => lossOf(weight, indices(2, 6), 1).backward());
    const sum = expectedGrad([2, 49, 0], 4).map((value, i) => value + expectedGrad([2, 6], 1)[i]);
    expect(await weight.grad!.data()).toEqual(sum);
    // Written on the device: rows that no look-up touched, by an operation, through a view.
    w.noGrad(() => weight.grad!.add_(5));
    optimizer.zeroGrad();
    await check([8], 1, 0);
    w.noGrad(() => weight.grad!.select(0, 30).fill_(7));
    optimizer.zeroGrad();
    await check([12], 2, 0);
    // Dropped without telling the optimiser.
    weight.grad!.dispose();
    weight.grad = null;
    await check([11], 1, 0);
    optimizer.dispose();
    weight.dispose();
  });

  here('are those of plain tables where captured steps write to them', async () => {
    const { weight, optimizer } = table(device!);
    const initial = (await weight.data()) as Float32Array;
    const step = w.capture(device!, ({ ids }: { ids: w.Tensor }) => {
      optimizer.zeroGrad();
      const loss = lossOf(weight, ids, 1);
      loss.backward();
      w.noGrad(() => weight.grad!.add_(1));
      optimizer.step();
      return loss;
    });
    const expected = Float32Array.from(initial);
    for (const ids of [
      [1, 2],
      [3, 3],
      [4, 1],
      [5, 9],
    ]) {
      await step.run({ ids: { data: Int32Array.from(ids), shape: [2] } });
      for (const [k, grad] of expectedGrad(ids, 1).entries()) expected[k] -= 0.1 * (grad + 1);
    }
    const actual = await weight.data();
    expect(Math.max(...expected.map((value, k) => Math.abs(value - actual[k])))).toBeLessThan(1e-5);
    step.dispose();
    optimizer.dispose();
    weight.dispose();
  });

  here(
    'are those of plain tables in captured steps that drop them first, in turn with dense ones',
    async () => {
      const { weight, optimizer } = table(device!);
      const initial = (await weight.data()) as Float32Array;
      const stepWith = (dense: number) =>
        w.capture(device!, ({ ids }: { ids: w.Tensor }) => {
          optimizer.zeroGrad();
          const loss = lossOf(weight, ids, 1, dense);
          loss.backward();
          optimizer.step();
          return loss;
        });
      const [sparse, dense] = [stepWith(0), stepWith(0.25)];
      const expected = Float32Array.from(initial);
      for (const [i, step] of [
        sparse,
        sparse,
        dense,
        sparse,
        dense,
        dense,
        sparse,
        sparse,
      ].entries()) {
        const ids = [i, (i * 7) % ROWS, i];
        await step.run({ ids: { data: Int32Array.from(ids), shape: [3] } });
        const grad = expectedGrad(ids, 1, step === dense ? 0.25 : 0);
        for (const k of expected.keys()) expected[k] -= Math.fround(0.1) * grad[k];
      }
      const actual = await weight.data();
      expect(Math.max(...expected.map((value, k) => Math.abs(value - actual[k])))).toBeLessThan(
        1e-5,
      );
      sparse.dispose();
      dense.dispose();
      optimizer.dispose();
      weight.dispose();
    },
  );

  here('keep nothing of what was written into them, by a captured step either', async () => {
    const { weight, optimizer } = table(device!);
    const ones = w.ones([ROWS, SIZE], { device: device! });
    const row = () => weight.grad!.detach().select(0, 7);
    const writes: (() => unknown)[] = [
      () => weight.grad!.add_(5),
      () => weight.grad!.addcmul_(ones, ones, 2),
      () => weight.grad!.lerp_(ones, 0.5),
      () => weight.grad!.copy_(ones),
      () => row().fill_(3),
      () => row().copy_(new Float32Array(SIZE).fill(1)),
      () => launch(accumulate, { x: ones, y: weight.grad! }, { count: weight.size }),
    ];
    const check = async () => {
      optimizer.zeroGrad();
      w.scope(() => lossOf(weight, indices(1), 1).backward());
      expect(await weight.grad!.data()).toEqual(expectedGrad([1], 1));
    };
    for (const write of writes) {
      w.scope(() => lossOf(weight, indices(4), 1).backward());
      w.scope(() => w.noGrad(write));
      await check();
    }
    const step = w.capture(device!, ({ ids }: { ids: w.Tensor }) => {
      optimizer.zeroGrad();
      const loss = lossOf(weight, ids, 1);
      loss.backward();
      w.noGrad(() => row().fill_(3));
      return loss;
    });
    for (const id of [4, 5, 4]) {
      await step.run({ ids: { data: Int32Array.of(id), shape: [1] } });
      await check();
    }
    step.dispose();
    optimizer.dispose();
    weight.dispose();
  });
});
