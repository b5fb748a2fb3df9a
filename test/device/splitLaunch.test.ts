import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { definedKernels } from '../../src/device/kernel.ts';
import { splitLaunch } from '../../src/device/splitLaunch.ts';
// Defines the kernels.
import '../../src/measure/peaks.ts';
import '../../src/nn/index.ts';
import '../../src/nn/optim/index.ts';
import { product } from '../../src/kernels/kit/shape.ts';
import { fillBuffers, runKernel } from '../../src/measure/fixtures.ts';
import { LayerNorm, Linear } from '../../src/nn/index.ts';
import { AdamW, clipGradNorm } from '../../src/nn/optim/index.ts';
import * as w from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';
import { tryWebGpu } from '../support/devices.ts';

/**
 * Buffers larger than an adapter binds at once: here its limit is set low, so that small tensors
 * are split.
 */

const allKernels = definedKernels();
const cpu = new CpuDevice();
const webgpu = await tryWebGpu({ bindingAlignment: 64 });
afterAll(() => webgpu?.destroy());

const bytesOf = (kernel: (typeof allKernels)[number], p: never): number =>
  Math.max(...Object.values(kernel.buffers).map(({ size }) => size(p) * 4));
const cases = allKernels
  .filter(({ splitAxes }) => splitAxes)
  .flatMap((kernel) => kernel.cases.map((p, i) => [kernel.name, i, kernel, p as never] as const))
  .filter(([, , kernel, p]) => bytesOf(kernel, p) >= 1 << 18 && !((kernel.flops?.(p) ?? 0) > 5e7));

/** Errors are relative to the largest magnitude. */
function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  name: string,
): void {
  let [scale, worst] = [1e-6, 0];
  for (let k = 0; k < expected.length; k++) {
    scale = Math.max(scale, Math.abs(expected[k]));
    const error = Math.abs(expected[k] - actual[k]);
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  expect(actual.length, name).toBe(expected.length);
  expect(worst, name).toBeLessThanOrEqual(tolerance * scale);
}

describe.skipIf(!webgpu)('kernels on windows of their buffers', () => {
  it.each(cases)('%s equals its reference in case %i', async (name, i, kernel, p) => {
    webgpu!.traits.maxBinding = Math.floor(bytesOf(kernel, p) / 3.5);
    expect(splitLaunch(kernel, p, webgpu!.traits).length).toBeGreaterThan(3);
    const random = new Philox(i, name.length);
    const data = fillBuffers(kernel, p as never, random);
    const expected = await runKernel(cpu, kernel, data, p);
    const actual = await runKernel(webgpu!, kernel, data, p);
    for (const [output, values] of Object.entries(expected)) {
      expectClose(actual[output], values, kernel.tolerance ?? 1e-5, output);
    }
  });
});

/** What a function gives for random tensors of these shapes, and their gradients. */
async function results(
  device: Device,
  shapes: number[][],
  f: (...inputs: w.Tensor[]) => w.Tensor,
): Promise<w.TensorData[]> {
  const random = new Philox(4);
  w.manualSeed(9);
  const draw = (shape: readonly number[]) =>
    w.tensor(
      Float32Array.from({ length: product(shape) }, () => random.normal()),
      { shape, device },
    );
  const all = w.scope(() => {
    const inputs = shapes.map((shape) => draw(shape).requiresGrad_());
    const y = f(...inputs);
    if (y.requiresGrad) w.backward(y, draw(y.shape));
    return [y, ...inputs.flatMap(({ grad }) => grad ?? [])];
  });
  const values = await Promise.all(all.map((tensor) => tensor.data()));
  for (const tensor of all) tensor.dispose();
  return values;
}

const ids = (device: Device, vocab: number) =>
  w.tensor(
    Int32Array.from({ length: 60 }, (_, i) => (i % 7 === 0 ? 3 : (i * 9973) % vocab)),
    { shape: [4, 15], device },
  );
const labels = (device: Device, classes: number, rows = 20) =>
  w.tensor(
    Int32Array.from({ length: rows }, (_, i) => (i % 5 === 1 ? -100 : (i * 977) % classes)),
    { device },
  );
type Case = readonly [string, number[][], (device: Device) => (...inputs: w.Tensor[]) => w.Tensor];
const operations: readonly Case[] = [
  ['embedding', [[3001, 36]], (d) => (table) => w.embedding(ids(d, 3001), table, 3)],
  ['embedding of odd rows', [[3001, 37]], (d) => (table) => w.embedding(ids(d, 3001), table)],
  [
    'linearCrossEntropy',
    [[20, 24], [3001, 24], [3001]],
    (d) => (x, weight, bias) => w.linearCrossEntropy(x, weight, bias, labels(d, 3001)),
  ],
  [
    'a tied decoder',
    [[3000, 24], [3000]],
    (d) => (table, bias) => {
      const x = w
        .embedding(ids(d, 3000), table)
        .reshape([60, 24])
        .slice([[0, 20]]);
      return w.linearCrossEntropy(x.tanh(), table, bias, labels(d, 3000));
    },
  ],
  [
    'crossEntropy of a linear layer',
    [[200, 24], [301, 24], [301]],
    (d) => (x, weight, bias) => w.crossEntropy(w.linear(x, weight, bias), labels(d, 301, 200)),
  ],
  [
    'matmul with a tall matrix',
    [
      [37, 24],
      [3001, 24],
    ],
    () => (x, weight) => x.matmul(weight.transpose(0, 1)),
  ],
  [
    'matmul with a wide matrix',
    [
      [37, 24],
      [24, 3004],
    ],
    () => (x, weight) => x.matmul(weight),
  ],
  [
    'matmul along a tall matrix',
    [
      [5, 3001],
      [3001, 24],
    ],
    () => (x, weight) => x.matmul(weight),
  ],
  [
    'matmul of batches',
    [
      [30, 6, 8, 20],
      [30, 6, 20, 20],
    ],
    () => (a, b) => a.matmul(b),
  ],
  ['a sum of all', [[300, 301]], () => (x) => x.mul(x).sum()],
  [
    'sums along either axis',
    [[1001, 96], [96]],
    () => (x, y) =>
      x
        .sum([1], true)
        .add(x.add(y).sum([0], true))
        .mul(1e-2),
  ],
  [
    'broadcast arithmetic',
    [[900, 96], [96], [900, 1]],
    () => (x, y, z) => x.mul(y).sub(z).sigmoid(),
  ],
  [
    'a slice from behind',
    [[3001, 36]],
    () => (x) =>
      x
        .slice([
          [2990, 3000, 3],
          [1, 30],
        ])
        .mul(2),
  ],
  [
    'cat',
    [
      [2000, 12],
      [1001, 12],
    ],
    () => (x, y) => w.cat([x, y], 0),
  ],
  [
    'gather',
    [[200, 301]],
    (d) => (x) =>
      w.gather(
        x,
        1,
        w.tensor(
          Int32Array.from({ length: 200 }, (_, i) => (i * 31) % 301),
          { shape: [200, 1], device: d },
        ),
      ),
  ],
  ['maxPool2d', [[40, 2, 30, 30]], () => (x) => w.maxPool2d(x, 2)],
  ['avgPool2d', [[40, 2, 30, 30]], () => (x) => w.avgPool2d(x, 2)],
  ['argmax', [[200, 301]], () => (x) => x.argmax(-1)],
  ['dropout', [[3001, 36]], () => (x) => w.dropout(x, 0.3, true)],
];

describe.skipIf(!webgpu)('operations on windows', () => {
  it.each(operations)('%s', async (_, shapes, f) => {
    webgpu!.traits.maxBinding = 1 << 16;
    const expected = await results(cpu, shapes, f(cpu));
    const actual = await results(webgpu!, shapes, f(webgpu!));
    expect(actual.length).toBe(expected.length);
    for (const [k, values] of expected.entries())
      expectClose(actual[k], values, 1e-5, `result ${k}`);
  });
});

describe.skipIf(!webgpu)('what cannot be cut', () => {
  it('is refused by name, with what to do', async () => {
    webgpu!.traits.maxBinding = 1 << 16;
    const x = w.zeros([400, 200], { device: webgpu! });
    expect(() => w.softmax(x.transpose(0, 1).reshape([200, 400]))).toThrow(
      /kernel copy: `in_x`: expected at most 65536 bytes, .* got \d+.* use smaller tensors/,
    );
  });
});

/**
 * Losses and norms of captured steps, and the final table of `vocab` rows, look-up and decoder
 * at once.
 */
async function train(
  device: Device,
  vocab: number,
  size: number,
  steps: number,
): Promise<w.TensorData[]> {
  w.setDevice(device);
  w.manualSeed(3);
  const [table, bias] = [w.randn([vocab, size]), w.zeros([vocab])].map((tensor) =>
    w.keep(tensor).requiresGrad_(),
  );
  const [layer, norm] = [new Linear(size, size), new LayerNorm(size)];
  const params = [table, bias, ...layer.parameters(), ...norm.parameters()];
  const optimizer = new AdamW(params, { lr: 1e-3, eps: 1e-6 });
  const step = w.capture(device, ({ x, y }: { x: w.Tensor; y: w.Tensor }) => {
    const hidden = norm.forward(layer.forward(w.embedding(x, table, 0), 'gelu'));
    const loss = w.linearCrossEntropy(w.dropout(hidden, 0.1, true), table, bias, y);
    w.backward(loss);
    const total = clipGradNorm(params, 0.5);
    optimizer.step();
    optimizer.zeroGrad();
    return w.cat([loss.reshape([1]), total.reshape([1])]);
  });
  const random = new Philox(1);
  const ids = (count: number) => Int32Array.from({ length: count }, () => random.randint(vocab));
  const results: Float32Array[] = [];
  for (let i = 0; i < steps; i++) {
    const rows = i === 2 ? 9 : 30;
    results.push(
      await step.run({
        x: { data: ids(rows), shape: [rows] },
        y: { data: ids(rows), shape: [rows] },
      }),
    );
  }
  const values = [...results, await table.data()];
  step.dispose();
  optimizer.dispose();
  for (const tensor of params) tensor.dispose();
  w.setDevice(cpu);
  return values;
}

describe.skipIf(!webgpu)('captured training in windows', () => {
  it('is that of the cpu device', async () => {
    webgpu!.traits.maxBinding = 1 << 16;
    const [actual, expected] = [await train(webgpu!, 3001, 24, 5), await train(cpu, 3001, 24, 5)];
    for (const [k, values] of expected.entries())
      expectClose(actual[k], values, 1e-4, `result ${k}`);
  });

  it('of a vocabulary of 119,547 is that of whole buffers', async () => {
    webgpu!.traits.maxBinding = 1 << 27;
    const expected = await train(webgpu!, 119_547, 64, 2);
    webgpu!.traits.maxBinding = 1 << 23;
    const actual = await train(webgpu!, 119_547, 64, 2);
    for (const [k, values] of expected.entries())
      expectClose(actual[k], values, 1e-4, `result ${k}`);
  });
});
