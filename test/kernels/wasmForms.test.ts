import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { definedKernels, type Kernel } from '../../src/device/kernel.ts';
import { openDevice } from '../../src/device/open.ts';
import { attention, attentionKeyValueGradient } from '../../src/kernels/attention/index.ts';
import { denseAttention } from '../../src/kernels/attention/shape.ts';
import { dropout } from '../../src/kernels/elementwise/dropout.ts';
import { embeddingBackward, linkEqualIds } from '../../src/kernels/indexing/embedding.ts';
import { mapParams } from '../../src/kernels/kit/map.ts';
import type { MapSpec } from '../../src/kernels/kit/mapSpec.ts';
import { linear, matmul } from '../../src/kernels/matmul/index.ts';
import { denseMatmul } from '../../src/kernels/matmul/shape.ts';
import { dropoutAddLayerNorm } from '../../src/kernels/normalization/dropoutAddLayerNorm.ts';
import { layerNorm, layerNormBackwardAffine } from '../../src/kernels/normalization/layerNorm.ts';
import { maskedSoftmax, softmax } from '../../src/kernels/normalization/softmax.ts';
import { sum } from '../../src/kernels/reduction/reduce.ts';
import { fillBuffers, runKernel } from '../../src/measure/fixtures.ts';
import '../../src/nn/index.ts';
import { checkKernel } from '../../src/tensor/checkKernel.ts';
import { Philox } from '../../src/tensor/random.ts';

const cpu = new CpuDevice();
const devices = await Promise.all([1, 2, 3].map((threads) => openDevice('wasm', { threads })));
const [, wasm] = devices;
afterAll(() => {
  for (const device of devices) device.destroy();
});

const drop = { call: 3, threshold: 0x40000000, scale: 1 / 0.75 };
const eps = 1e-5;
// biome-ignore lint/suspicious/noExplicitAny: kernels of any parameters
const tiled: [Kernel<any, any, any>, any][] = [
  // Both operands are packed beforehand, with and without whole panels; and only one of them.
  [matmul, denseMatmul('NN', 301, 517, 203)],
  [matmul, denseMatmul('NT', 288, 256, 512)],
  [matmul, denseMatmul('TN', 203, 700, 310)],
  [matmul, denseMatmul('NN', 1500, 300, 8)],
  [linear.gelu, denseMatmul('NT', 290, 270, 203)],
  [softmax, { rows: 700, cols: 37 }],
  [softmax, { rows: 3, cols: 5003 }],
  [maskedSoftmax, { rows: 260, cols: 71, scale: 0.3, rowsPerMask: 13, causalRows: 65 }],
  [layerNorm, { rows: 301, cols: 66, eps }],
  [layerNorm, { rows: 2, cols: 4099, eps }],
  [layerNormBackwardAffine, { rows: 700, cols: 1031, size: 333, chunks: 3 }],
  [dropoutAddLayerNorm, { rows: 250, cols: 75, eps, ...drop }],
  [dropout, { count: 20_003, first: 5, ...drop }],
  [sum, { outer: 3, n: 301, inner: 1030, size: 150, chunks: 3, at: 2, long: 0 }],
  [sum, { outer: 5, n: 9001, inner: 1, size: 9001, chunks: 1, at: 0, long: 1 }],
  [attention, denseAttention([1, 2, 101, 203, 20], { keepScale: 2 })],
  [attentionKeyValueGradient, denseAttention([2, 1, 101, 131, 20], { causal: 1, keepScale: 2 })],
];

const named = tiled.map(
  ([kernel, p]) => [`${kernel.name} ${JSON.stringify(p)}`, kernel, p] as const,
);

describe('kernels with a WebAssembly form', () => {
  it.each(named)('%s equals its reference across tiles', (_, kernel, p) =>
    checkKernel(kernel, wasm, [p]),
  );

  it.each(named)('%s gives the same bits on 1, 2 and 3 threads', async (_, kernel, p) => {
    const data = fillBuffers(kernel, p, new Philox(1, 2));
    const [one, ...others] = await Promise.all(devices.map((d) => runKernel(d, kernel, data, p)));
    for (const other of others) expect(other).toEqual(one);
  });

  it('dropout drops the same elements as the reference, exactly', async () => {
    const p = { count: 9001, first: 7, ...drop };
    const data = fillBuffers(dropout as never, p, new Philox(3, 4));
    const run = (device: CpuDevice | typeof wasm) => runKernel(device, dropout as never, data, p);
    expect(await run(wasm)).toEqual(await run(cpu));
  });

  it.each([
    [300, 70, 2],
    [130, 5, 40],
    [1000, 129, 1],
  ])('the gradient of %s embeddings of %s columns, %s ids', async (n, cols, vocab) => {
    const p = { vocab, first: 0, rows: vocab, cols, n, padding: 1 };
    const random = new Philox(n, cols);
    const data = fillBuffers(embeddingBackward as never, p, random);
    data.ids = Int32Array.from({ length: n }, () => random.randint(vocab));
    const next = new Uint32Array(n);
    linkEqualIds.reference({ ids: data.ids, next }, p);
    const contents = { ...data, next };
    const expected = await runKernel(cpu, embeddingBackward as never, contents, p);
    const actual = await runKernel(wasm, embeddingBackward as never, contents, p);
    for (const [i, value] of expected.dWeight.entries())
      expect(Math.abs(actual.dWeight[i] - value)).toBeLessThan(1e-4);
  });
});

const special = [NaN, Infinity, -Infinity, 0, -0, 1e-45, 3e38, -3e38, 88, -88, 0.1, -0.1, 9, -20];
const inputsOf = (kernel: Kernel) => (kernel as Kernel & { spec: MapSpec }).spec.inputs;
const scalarsOf = (kernel: Kernel) =>
  Object.fromEntries(
    ((kernel as Kernel & { spec: MapSpec }).spec.scalars ?? []).map((name, i) => [name, 0.5 + i]),
  );
const paramsOf = (kernel: Kernel) =>
  mapParams(
    [special.length],
    Object.fromEntries(inputsOf(kernel).map((name) => [name, { strides: [1], offset: 0 }])),
    scalarsOf(kernel),
  );
/** Functions of floats; a gradient's intermediate numbers may leave the range of float32. */
const functions = definedKernels().filter(
  (kernel) =>
    kernel.elementwise &&
    !kernel.name.endsWith('Backward') &&
    Object.values(kernel.buffers).every(({ type }) => type === 'V') &&
    kernel.wasm?.(paramsOf(kernel)),
);

describe('NaN, infinities and numbers at the limits', () => {
  it.each(functions.map((kernel) => [kernel.name, kernel] as const))('%s', async (_, kernel) => {
    const inputs = inputsOf(kernel);
    const p = paramsOf(kernel);
    for (let turn = 0; turn < special.length ** (inputs.length - 1); turn++) {
      const contents = fillBuffers(kernel, p, new Philox(1, 2));
      for (const [i, name] of inputs.entries())
        contents[`in_${name}`].set(special.map((_, k) => special[(k + i * turn) % 14]));
      const { out: expected } = await runKernel(cpu, kernel, contents, p);
      const { out } = await runKernel(wasm, kernel, contents, p);
      for (const [i, value] of expected.entries()) {
        const isClose = Math.abs(out[i] - value) <= 1e-5 * Math.abs(value) + 1e-37;
        const values = inputs.map((name) => contents[`in_${name}`][i]);
        expect(Object.is(out[i], value) || isClose, `(${values}): ${out[i]}, not ${value}`).toBe(
          true,
        );
      }
    }
  });
});
