import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { openDevice } from '../../src/device/open.ts';
import { Dropout, LayerNorm, Linear } from '../../src/nn/index.ts';
import { AdamW, clipGradNorm, getLinearScheduleWithWarmup } from '../../src/nn/optim/index.ts';
import {
  backward,
  capture,
  cat,
  embedding,
  type HostTensor,
  keep,
  manualSeed,
  ones,
  scope,
  setDevice,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { dropoutGenerator } from '../../src/tensor/ops/dropout.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
const wasm = await openDevice('wasm', { threads: 2 });
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
  wasm.destroy();
});

/** A small network with dropout, and a step that trains it. */
function training() {
  manualSeed(5);
  const [first, norm, second, dropout] = [
    new Linear(12, 20),
    new LayerNorm(20),
    new Linear(20, 4),
    new Dropout(0.2),
  ];
  const params = [first.weight, first.bias, norm.weight, norm.bias, second.weight, second.bias];
  const optimizer = new AdamW(params, { lr: 1e-2 });
  const schedule = getLinearScheduleWithWarmup(optimizer, 3, 100);
  const step = ({ x, y }: { x: Tensor; y: Tensor }) => {
    const loss = second
      .forward(dropout.forward(norm.forward(first.forward(x, 'gelu'))))
      .sub(y)
      .square()
      .mean();
    backward(loss);
    const total = clipGradNorm(params, 1);
    optimizer.step();
    optimizer.zeroGrad();
    return cat([loss.reshape([1]), total.reshape([1])]);
  };
  const dispose = () => {
    optimizer.dispose();
    for (const tensor of params) tensor.dispose();
  };
  return { params, step, schedule, dispose };
}

const batch = (rows: number, seed: number): { x: HostTensor; y: HostTensor } => ({
  x: {
    data: Float32Array.from({ length: rows * 12 }, (_, i) => Math.sin(i * 7 + seed)),
    shape: [rows, 12],
  },
  y: {
    data: Float32Array.from({ length: rows * 4 }, (_, i) => Math.cos(i * 3 + seed)),
    shape: [rows, 4],
  },
});

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
  ['wasm', wasm],
] as const)('a captured step on %s', (_, device) => {
  const here = it.skipIf(!device);

  here(
    'equals the eager one bit for bit, over two shapes, with dropout and a schedule',
    async () => {
      setDevice(device!);
      const sizes = [8, 8, 5, 8, 5, 5, 8];
      const eager = training();
      manualSeed(9);
      const expected: Float32Array[] = [];
      for (const [i, rows] of sizes.entries()) {
        dropoutGenerator(device!).rebase();
        const { x, y } = batch(rows, i);
        const result = scope(() =>
          eager.step({
            x: tensor(x.data, { shape: x.shape }),
            y: tensor(y.data, { shape: y.shape }),
          }),
        );
        expected.push((await result.data()) as Float32Array);
        result.dispose();
        eager.schedule.step();
      }
      const captured = training();
      manualSeed(9);
      const step = capture(device!, captured.step);
      const results: Promise<Float32Array>[] = [];
      for (const [i, rows] of sizes.entries()) {
        results.push(step.run(batch(rows, i)));
        captured.schedule.step();
      }
      expect(await Promise.all(results)).toEqual(expected);
      for (const [i, param] of captured.params.entries())
        expect(await param.data()).toEqual(await eager.params[i].data());
      expect(new Set(expected.map(([loss]) => loss)).size).toBe(sizes.length);
      step.dispose();
      captured.dispose();
      eager.dispose();
    },
  );

  here('checks indices and sizes of each run', async () => {
    setDevice(device!);
    const table = ones([4, 2]);
    const step = capture(device!, ({ ids }: { ids: Tensor }) => embedding(ids, table).sum());
    const ids = (...values: number[]) => ({ ids: { data: Int32Array.from(values), shape: [2] } });
    expect(await step.run(ids(0, 3))).toEqual(Float32Array.of(4));
    await expect(step.run(ids(0, 4))).rejects.toThrow('index 4 is out of range');
    await expect(step.run({ ids: { data: new Int32Array(3), shape: [2] } })).rejects.toThrow(
      'ids: expected 2 elements for shape [2], got 3',
    );
    expect(await step.run(ids(1, 2))).toEqual(Float32Array.of(4));
    step.dispose();
    table.dispose();
  });
});

describe.skipIf(!webgpu)('captured steps on webgpu', () => {
  it('hold memory and the heap flat over a thousand replays', async () => {
    setDevice(webgpu!);
    const { step, dispose } = training();
    const captured = capture(webgpu!, step);
    for (let i = 0; i < 50; i++) await captured.run(batch(8, i));
    const before = webgpu!.memory();
    const heap = () => {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const heapBefore = heap();
    for (let i = 0; i < 1000; i++) await captured.run(batch(8, i));
    expect(webgpu!.memory()).toEqual(before);
    expect(heap() - heapBefore).toBeLessThan(globalThis.gc ? 2e6 : 64e6);
    captured.dispose();
    dispose();
  });

  it('share their memory, and give it back', async () => {
    setDevice(webgpu!);
    const before = webgpu!.memory().bytes;
    const chain = ({ x }: { x: Tensor }) =>
      Array.from({ length: 20 })
        // Launches that cannot be joined.
        .reduce((y: Tensor) => y.mul(1.5).flip([0]), x)
        .sum();
    const step = capture(webgpu!, chain);
    const run = (size: number) =>
      step.run({ x: { data: new Float32Array(size).fill(1), shape: [size] } });
    await run(1 << 16);
    const one = webgpu!.memory().bytes - before;
    // The input, and two temporaries at a time.
    expect(one).toBeLessThan(4 * 4 * (1 << 16));
    await run(1 << 15);
    expect(webgpu!.memory().bytes - before - one).toBeLessThan(2 * 4 * (1 << 15));
    step.dispose();
    expect(webgpu!.memory().bytes).toBe(before);
  });

  it('need no more memory when ever longer inputs come', async () => {
    setDevice(webgpu!);
    const before = webgpu!.memory().bytes;
    const lengths = Array.from({ length: 12 }, (_, i) => (i + 1) << 12);
    const use = async (order: readonly number[]) => {
      const step = capture(webgpu!, ({ x }: { x: Tensor }) => x.flip([0]).mul(2).flip([0]).sum());
      const results = async () => {
        const run = (size: number) =>
          step.run({
            x: { data: Float32Array.from({ length: size }, (_, i) => i % 3), shape: [size] },
          });
        return (await Promise.all(order.map(run))).map(([sum]) => sum);
      };
      const expected = order.map(
        (size) => 2 * Array.from({ length: size }, (_, i) => i % 3).reduce((a, b) => a + b),
      );
      expect(await results()).toEqual(expected);
      const bytes = webgpu!.memory().bytes - before;
      // What was bound to smaller memory is bound anew.
      expect(await results()).toEqual(expected);
      step.dispose();
      return bytes;
    };
    expect(await use(lengths)).toBe(await use(lengths.toReversed()));
    expect(webgpu!.memory().bytes).toBe(before);
  });

  it('refuse what would go wrong later', async () => {
    setDevice(webgpu!);
    const x = () => ({ x: { data: Float32Array.of(1), shape: [1] } });
    const keeping = capture(webgpu!, ({ x }: { x: Tensor }) => keep(x.mul(2)).add(1));
    await expect(keeping.run(x())).rejects.toThrow('1 tensors made in the step outlive it');
    const reading = capture(webgpu!, ({ x }: { x: Tensor }) => {
      void x
        .mul(2)
        .data()
        .catch(() => {});
      return x.add(1);
    });
    await expect(reading.run(x())).rejects.toThrow(/reads the values of Tensor.* on the host/);
    const nested = capture(webgpu!, ({ x }: { x: Tensor }) => {
      webgpu!.capture!(() => ({ result: x.storage.binding, inputs: [] }));
      return x;
    });
    await expect(nested.run(x())).rejects.toThrow('captured already');
  });

  it('keep using parameters whose tensors are gone', async () => {
    setDevice(webgpu!);
    const weight = tensor([3]);
    const step = capture(webgpu!, ({ x }: { x: Tensor }) => x.mul(weight));
    const x = { x: { data: Float32Array.of(2), shape: [1] } };
    expect(await step.run(x)).toEqual(Float32Array.of(6));
    weight.dispose();
    const other = tensor([5]);
    expect(await step.run(x)).toEqual(Float32Array.of(6));
    step.dispose();
    other.dispose();
  });
});
