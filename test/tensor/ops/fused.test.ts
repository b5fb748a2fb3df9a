import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { SGD } from '../../../src/nn/optim/index.ts';
import { gradBufferOf } from '../../../src/tensor/gradBuffer.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tryWebGpu } from '../../support/devices.ts';

const cpu = new CpuDevice();
const webgpu = await tryWebGpu();
const portable = await tryWebGpu({ subgroupSize: 0, software: false });
afterAll(() => {
  webgpu?.destroy();
  portable?.destroy();
});

const draw = (random: Philox, shape: number[], device: Device): w.Tensor =>
  w.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    { shape, device },
  );

type Values = ArrayLike<number>;
/** What a function gives for tensors of these shapes, and their gradients under random weights. */
async function results(
  device: Device,
  shapes: number[][],
  f: (...inputs: w.Tensor[]) => w.Tensor,
): Promise<Values[]> {
  const random = new Philox(4);
  w.manualSeed(9);
  const all = w.scope(() => {
    const inputs = shapes.map((shape) => draw(random, shape, device).requiresGrad_());
    const y = f(...inputs);
    w.backward(y, draw(random, [...y.shape], device));
    return [y, ...inputs.map(({ grad }) => grad!)];
  });
  const values = await Promise.all(all.map((tensor) => tensor.data()));
  for (const tensor of all) tensor.dispose();
  return values;
}

function expectClose(actual: Values[], expected: Values[], tolerance = 2e-6): void {
  expected.forEach((values, k) => {
    const magnitude = Array.from(values).reduce(
      (most, value) => Math.max(most, Math.abs(value)),
      1e-3,
    );
    let worst = 0;
    for (let i = 0; i < values.length; i++) {
      const error = Object.is(actual[k][i], values[i]) ? 0 : Math.abs(actual[k][i] - values[i]);
      worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    }
    expect(actual[k].length).toBe(values.length);
    expect(worst, `largest error of result ${k}, against ${magnitude} at most`).toBeLessThanOrEqual(
      tolerance * magnitude,
    );
  });
}

/**
 * The derivative of a scalar function along a random direction, measured and by its gradient: both
 * in float32.
 */
async function expectSlope(
  shapes: number[][],
  f: (...inputs: w.Tensor[]) => w.Tensor,
): Promise<void> {
  const random = new Philox(6);
  const [at, along] = [0, 1].map(() => shapes.map((shape) => draw(random, shape, cpu)));
  const value = (step: number) => {
    w.manualSeed(2);
    return f(...at.map((x, i) => x.add(along[i].mul(step)))).item();
  };
  const inputs = at.map((x) => x.detach().requiresGrad_());
  w.manualSeed(2);
  f(...inputs).backward();
  let slope = 0;
  for (const [i, { grad }] of inputs.entries()) slope += await grad!.mul(along[i]).sum().item();
  const difference = async (step: number) =>
    ((await value(step)) - (await value(-step))) / (2 * step);
  // Two steps combined, so that the curvature cancels (Richardson).
  const measured = (4 * (await difference(5e-3)) - (await difference(1e-2))) / 3;
  expect(Math.abs(measured - slope)).toBeLessThan(3e-3 * Math.max(1, Math.abs(slope)));
}

describe.each([
  ['cpu', cpu],
  ['webgpu', webgpu],
  ['webgpu without fixed subgroups', portable],
] as const)('on %s', (_, device) => {
  describe.skipIf(!device).each([
    [3, 5, 33],
    [2, 16, 128],
    [7, 1, 768],
  ])('dropoutAddLayerNorm of [%i, %i, %i]', (batch, length, size) => {
    const shapes = [[batch, length, size], [batch, length, size], [size], [size]];
    it.each([
      [0, true],
      [0.1, false],
      [0.1, true],
      [0.75, true],
    ])('is dropout at %d (training: %o), a sum and layerNorm', async (p, training) => {
      const fused = await results(device!, shapes, (x, residual, weight, bias) =>
        w.dropoutAddLayerNorm(x, residual, weight, bias, { p, training, eps: 1e-12 }),
      );
      const composed = await results(device!, shapes, (x, residual, weight, bias) =>
        w.layerNorm(w.dropout(x, p, training).add(residual), [size], weight, bias, 1e-12),
      );
      expectClose(fused, composed);
      const zeros = (values: Values) => Array.from(values, (value) => value === 0);
      if (training) expect(zeros(fused[1])).toEqual(zeros(composed[1]));
    });

    it('is the same when no gradient is asked for', async () => {
      const random = new Philox(3);
      const [x, residual, weight, bias] = shapes.map((shape) => draw(random, shape, device!));
      const plain = w.dropoutAddLayerNorm(x, residual, weight, bias);
      const recorded = w.dropoutAddLayerNorm(x.requiresGrad_(), residual, weight, bias);
      expect(plain.requiresGrad).toBe(false);
      expectClose([await plain.data()], [await recorded.data()], 1e-6);
    });
  });

  describe.skipIf(!device).each([
    [10, 24, 301],
    [33, 7, 130],
    [5, 64, 640],
  ])('linearCrossEntropy of %i rows of %i, %i classes', (rows, size, classes) => {
    const shapes = [[rows, size], [classes, size], [classes]];
    // Labels in every part, two of them ignored.
    const labels = () =>
      w.tensor(
        Int32Array.from({ length: rows }, (_, i) => (i % 4 === 2 ? 3 : (i * 97) % classes)),
        { device: device! },
      );
    it.each([
      ['sum', 64 * 8],
      ['mean', 64 * 8],
      ['mean', 128 * 8],
      ['mean', 4096 * 8],
    ] as const)(
      'is crossEntropy of the linear layer: %s, %i bytes a row',
      async (reduction, bytes) => {
        const maxLogitsBytes = bytes * rows;
        const chunked = await results(device!, shapes, (x, weight, bias) =>
          w.linearCrossEntropy(x, weight, bias, labels(), {
            reduction,
            ignoreIndex: 3,
            maxLogitsBytes,
          }),
        );
        const whole = await results(device!, shapes, (x, weight, bias) =>
          w.crossEntropy(w.linear(x, weight, bias), labels(), { reduction, ignoreIndex: 3 }),
        );
        expectClose(chunked, whole, 5e-6);
      },
    );

    it('gives the same bits again', async () => {
      const once = () =>
        results(device!, shapes, (x, weight, bias) =>
          w.linearCrossEntropy(x, weight, bias, labels(), { maxLogitsBytes: 512 * rows }),
        );
      expect(await once()).toEqual(await once());
    });
  });

  it.skipIf(!device)(
    'linearCrossEntropy gives NaN for a label that the host does not know to be none',
    async () => {
      const random = new Philox(1);
      const [x, weight, bias] = [[2, 4], [100, 4], [100]].map((shape) =>
        draw(random, shape, device!),
      );
      const scores = Float32Array.from({ length: 400 }, (_, i) =>
        Number(i === 5 || i === 200 + 150),
      );
      const labels = w.tensor(scores, { shape: [2, 200], device: device! }).argmax(1);
      const ignored = w.linearCrossEntropy(x, weight, bias, labels, {
        ignoreIndex: 150,
        maxLogitsBytes: 1,
      });
      expect(Number.isFinite(await ignored.item())).toBe(true);
      expect(
        await w.linearCrossEntropy(x, weight, bias, labels, { maxLogitsBytes: 1 }).item(),
      ).toBeNaN();
    },
  );
});

describe('gradients agree with finite differences', () => {
  const weights = draw(new Philox(8), [4, 9], cpu);
  it('dropoutAddLayerNorm', () =>
    expectSlope([[4, 9], [4, 9], [9], [9]], (x, residual, weight, bias) =>
      w.dropoutAddLayerNorm(x, residual, weight, bias, { p: 0.3 }).mul(weights).sum(),
    ));
  it('linearCrossEntropy', () =>
    expectSlope([[4, 9], [150, 9], [150]], (x, weight, bias) =>
      w.linearCrossEntropy(
        x,
        weight,
        bias,
        w.tensor([0, 149, -100, 70], { dtype: 'int32', device: cpu }),
        { maxLogitsBytes: 1 },
      ),
    ));
});

it('linearCrossEntropy never holds all logits, and writes gradients into the arena', async () => {
  const device = new CpuDevice();
  const random = new Philox(2);
  const [rows, size, classes] = [64, 4, 20_000];
  const [x, weight, bias] = [[rows, size], [classes, size], [classes]].map((shape) =>
    draw(random, shape, device).requiresGrad_(),
  );
  const optimizer = new SGD([weight, bias], { lr: 0.1 });
  const labels = w.tensor(new Int32Array(rows).fill(7), { device });
  const before = device.memory().bytes;
  const loss = w.scope(() => {
    const loss = w.linearCrossEntropy(x, weight, bias, labels, { maxLogitsBytes: 2 ** 18 });
    loss.backward();
    return loss.detach();
  });
  expect(device.memory().peakBytes - before).toBeLessThan(2 ** 19);
  expect(weight.grad!.storage).toBe(gradBufferOf(weight));
  expect(bias.grad!.storage).toBe(gradBufferOf(bias));
  optimizer.step();
  expect(await w.linearCrossEntropy(x, weight, bias, labels).item()).toBeLessThan(
    await loss.item(),
  );
});

it('what does not fit is refused by name', () => {
  const [x, weight] = [w.zeros([2, 3]), w.zeros([3])];
  const labels = w.tensor([0, 5], { dtype: 'int32' });
  expect(() => w.dropoutAddLayerNorm(x, w.zeros([3]), weight, weight)).toThrow(
    /residual: expected shape \[2, 3\], got \[3\]/,
  );
  expect(() => w.dropoutAddLayerNorm(x, x, weight, weight, { p: 2 })).toThrow(/a rate from 0 to 1/);
  expect(() => w.linearCrossEntropy(x, w.zeros([5, 3]), w.zeros([5]), labels)).toThrow(
    /label 5 is out of range: there are 5/,
  );
  expect(() => w.linearCrossEntropy(x, w.zeros([5, 4]), w.zeros([5]), labels)).toThrow(
    /got \[2, 3\], \[5, 4\], \[5\], \[2\]/,
  );
});
