import { afterAll, describe, expect, it } from 'vitest';
import type { HostArray } from '../../../src/device/kernel.ts';
import { openDevice } from '../../../src/device/open.ts';
import { WasmDevice } from '../../../src/device/wasm/wasmDevice.ts';
import { loadModule } from '../../../src/device/wasm/wasmModule.ts';
import { type Activation, linear, matmul } from '../../../src/kernels/matmul/index.ts';
import { denseMatmul, type MatmulParams } from '../../../src/kernels/matmul/shape.ts';
import { openBestDevice } from '../../../src/measure/bestDevice.ts';
import { fillBuffers, runKernel } from '../../../src/measure/fixtures.ts';
import { Linear } from '../../../src/nn/index.ts';
import { AdamW } from '../../../src/nn/optim/index.ts';
import { capture } from '../../../src/tensor/capture.ts';
import { manualSeed, setDevice } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';

const strict = await loadModule(true);
const devices = [1, 2, 3].map((threads) => new WasmDevice(strict, threads));
const [one] = devices;
const fused = await openDevice('wasm', { threads: 2 });
afterAll(() => {
  for (const device of [...devices, fused]) device.destroy();
});

const shapes: MatmulParams[] = (['NN', 'NT', 'TN'] as const).flatMap((layout) => [
  denseMatmul(layout, 5, 3, 7),
  denseMatmul(layout, 49, 300, 70),
  denseMatmul(layout, 160, 40, 200),
  denseMatmul(layout, 12, 20, 9, 40),
  denseMatmul(layout, 1, 70, 33),
]);
const activations: Activation[] = ['none', 'gelu', 'geluTanh', 'relu', 'tanh'];
const bits = ({ buffer }: HostArray) => Buffer.from(buffer as ArrayBuffer);
const fills = (p: MatmulParams) => fillBuffers(matmul as never, p as never, new Philox(p.m, p.n));

describe('threads', () => {
  it.each(shapes)('any number of them gives the same bits: %o', async (p) => {
    const results = [];
    for (const device of devices)
      results.push(await runKernel(device, matmul as never, fills(p), p as never));
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it.each(activations)('with a bias and the activation %s too', async (activation) => {
    const kernel = linear[activation] as never;
    const p = denseMatmul('NT', 97, 300, 130) as never;
    const data = fillBuffers(kernel, p, new Philox(1, 2));
    const [a, b, c] = await Promise.all(devices.map((d) => runKernel(d, kernel, data, p)));
    expect([b, c]).toEqual([a, a]);
  });

  it('many short launches, one after the other, lose no tile', async () => {
    // 40 matrices in few tiles: threads fall asleep, wake late, and take tiles of the next launch.
    const p = denseMatmul('NN', 31, 33, 29, 40);
    const data = fills(p);
    const expected = await runKernel(one, matmul as never, data, p as never);
    for (let i = 0; i < 300; i++) {
      const { y } = await runKernel(devices[2], matmul as never, data, p as never);
      expect(bits(y).equals(bits(expected.y))).toBe(true);
    }
  });

  it('nor do long ones, for whose end the first thread sleeps', async () => {
    const p = denseMatmul('NN', 6, 1, 8, 20_000);
    const data = fills(p);
    const expected = await runKernel(one, matmul as never, data, p as never);
    for (let i = 0; i < 60; i++) {
      const { y } = await runKernel(devices[1], matmul as never, data, p as never);
      expect(bits(y).equals(bits(expected.y))).toBe(true);
    }
  });

  it('a captured step of training, replayed', async () => {
    const weights = await Promise.all(devices.map((device) => train(device)));
    expect(weights[1]).toEqual(weights[0]);
    expect(weights[2]).toEqual(weights[0]);
  });
});

/** Weights after some replays of a step. */
async function train(device: WasmDevice): Promise<number[]> {
  setDevice(device);
  manualSeed(3);
  const layers = [new Linear(70, 200), new Linear(200, 10)];
  const parameters = layers.flatMap((layer) => [...layer.parameters()]);
  const optimizer = new AdamW(parameters, { lr: 0.001 });
  const step = capture(device, ({ x }) => {
    optimizer.zeroGrad();
    const loss = layers[1].forward(layers[0].forward(x).tanh()).square().mean();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const data = Float32Array.from({ length: 64 * 70 }, (_, i) => ((i * 37) % 101) / 50 - 1);
  const losses = [];
  for (let i = 0; i < 5; i++) losses.push((await step.run({ x: { data, shape: [64, 70] } }))[0]);
  expect(losses[4]).toBeLessThan(losses[0]);
  return [...losses, ...(await layers[0].weight.data())];
}

describe('strict', () => {
  it.each(shapes)('rounds each product and each sum: %o', async (p) => {
    const data = fills(p);
    const { y } = await runKernel(one, matmul as never, data, p as never);
    expect(y).toEqual(roundedProduct(data.a, data.b, p));
  });

  it('differs from fused multiply-adds by rounding alone', async () => {
    const p = denseMatmul('NN', 40, 200, 40);
    const [a, b] = [one, fused].map((device) =>
      runKernel(device, matmul as never, fills(p), p as never),
    );
    const [exact, other] = [(await a).y, (await b).y];
    const scale = Math.max(...exact.map(Math.abs));
    for (const [i, value] of exact.entries())
      expect(Math.abs(value - other[i])).toBeLessThan(1e-6 * scale);
  });
});

/** The product in float32, in blocks of 256 along k. */
function roundedProduct(a: ArrayLike<number>, b: ArrayLike<number>, p: MatmulParams) {
  const y = new Float32Array(p.batch0 * p.m * p.n);
  for (let i = 0; i < y.length; i++) {
    const [batch, row, col] = [Math.floor(i / (p.m * p.n)), Math.floor(i / p.n) % p.m, i % p.n];
    for (let k0 = 0; k0 < p.k; k0 += 256) {
      let sum = 0;
      for (let k = k0; k < Math.min(p.k, k0 + 256); k++) {
        const x = a[batch * p.a0 + row * p.aRow + k * p.aCol];
        const z = b[batch * p.b0 + k * p.bRow + col * p.bCol];
        sum = Math.fround(sum + Math.fround(x * z));
      }
      y[i] += sum;
    }
  }
  return y;
}

describe('options', () => {
  it.each([0, -1, 1.5, 1000, Number.NaN])('refuses %s threads', async (threads) => {
    await expect(openDevice('wasm', { threads })).rejects.toThrow(
      '`threads`: expected a whole number from 1 to 256',
    );
  });

  it.each([
    [{ thread: 2 }, 'unknown option of a device "thread": expected one of precision, threads'],
    [{ precision: 'medium' }, '`precision`: expected one of "highest", "high", "strict", got "med'],
    [{ memoryLimit: 0 }, '`memoryLimit`: expected a number of bytes above 0, got 0'],
  ])('refuses %o, whatever the device', async (options, message) => {
    for (const kind of ['wasm', 'cpu', 'webgpu'] as const)
      await expect(openDevice(kind, options as never)).rejects.toThrow(message);
    await expect(openBestDevice(options as never)).rejects.toThrow(message);
  });

  it('tells its threads, one for each core unless told otherwise', async () => {
    expect(one.description).toContain('1 thread');
    expect(fused.description).toContain('2 threads');
    const device = await openDevice('wasm');
    expect(device.description).toMatch(/WebAssembly, \d+ thread/);
    device.destroy();
  });
});
