import { expect } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tryWebGpu } from '../../support/devices.ts';

/** The lowest finite float32, which masks what BERT must not see. */
export const LOWEST = -3.4028234663852886e38;

interface Sizes {
  batch: number;
  heads: number;
  length: number;
  keys: number;
  size: number;
}
type Inputs = {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  dy: Float32Array;
  mask: Float32Array;
};

/** Random rows [batch, rows, heads · size], and a mask that hides about a quarter of the keys. */
export function draw({ batch, heads, length, keys, size }: Sizes, seed = 1): Inputs {
  const random = new Philox(seed);
  const normal = (n: number) => Float32Array.from({ length: n }, () => random.normal());
  const [ofQueries, ofKeys] = [batch * length * heads * size, batch * keys * heads * size];
  const mask = Float32Array.from({ length: batch * keys }, (_, i) =>
    i % keys > 0 && random.randint(4) === 0 ? LOWEST : 0,
  );
  return {
    q: normal(ofQueries),
    k: normal(ofKeys),
    v: normal(ofKeys),
    dy: normal(ofQueries),
    mask,
  };
}

export const fused = (
  q: w.Tensor,
  k: w.Tensor,
  v: w.Tensor,
  attnMask: w.Tensor,
  dropoutP: number,
): w.Tensor => w.scaledDotProductAttention(q, k, v, { attnMask, dropoutP });
export const composed = (
  q: w.Tensor,
  k: w.Tensor,
  v: w.Tensor,
  mask: w.Tensor,
  rate: number,
): w.Tensor =>
  w.matmul(
    w.dropout(
      w.maskedSoftmax(w.matmul(q, k.transpose(-1, -2)), mask, 1 / Math.sqrt(q.shape[3])),
      rate,
    ),
    v,
  );

export const causal: typeof fused = (q, k, v, attnMask, dropoutP) =>
  w.scaledDotProductAttention(q, k, v, { attnMask, dropoutP, isCausal: true });
/** The same of operations that know nothing of it. */
export const composedCausal: typeof fused = (q, k, v, mask, rate) => {
  const [length, keys] = [q.shape[2], k.shape[2]];
  const ahead = Array.from({ length }, (_, r) => Array.from({ length: keys }, (_, c) => c > r));
  const scores = w
    .matmul(q, k.transpose(-1, -2))
    .mul(1 / Math.sqrt(q.shape[3]))
    .add(mask);
  return w.matmul(
    w.dropout(scores.maskedFill(w.tensor(ahead, { device: q.device }), LOWEST).softmax(-1), rate),
    v,
  );
};

/**
 * The result as [batch, length, heads · size] and the gradients of q, k and v, by one of the two.
 */
export async function results(
  device: Device,
  how: typeof fused,
  sizes: Sizes,
  inputs: Inputs,
  rate = 0,
): Promise<ArrayLike<number>[]> {
  const { batch, heads, length, keys, size } = sizes;
  w.manualSeed(3);
  const all = w.scope(() => {
    const rows = (values: Float32Array, n: number) =>
      w.tensor(values, { shape: [batch, n, heads * size], device });
    const leaves = [rows(inputs.q, length), rows(inputs.k, keys), rows(inputs.v, keys)].map((x) =>
      x.requiresGrad_(),
    );
    const [q, k, v] = leaves.map((x) =>
      x.reshape([batch, x.shape[1], heads, size]).permute([0, 2, 1, 3]),
    );
    const mask = w.tensor(inputs.mask, { shape: [inputs.mask.length / keys, 1, 1, keys], device });
    const y = how(q, k, v, mask, rate)
      .permute([0, 2, 1, 3])
      .reshape([batch, length, heads * size]);
    w.backward(y, rows(inputs.dy, length));
    return [y, ...leaves.map(({ grad }) => grad!)];
  });
  const values = await Promise.all(all.map((x) => x.data()));
  for (const x of all) x.dispose();
  return values;
}

/**
 * Each relative to the result's largest magnitude, or to the inputs': what cancels keeps the
 * rounding of its parts.
 */
export function expectClose(
  actual: ArrayLike<number>[],
  expected: ArrayLike<number>[],
  tolerance = 1e-5,
): void {
  for (const [i, name] of ['y', 'dq', 'dk', 'dv'].entries()) {
    expect(actual[i].length).toBe(expected[i].length);
    const scale = Array.from(expected[i]).reduce(
      (most, value) => Math.max(most, Math.abs(value)),
      1,
    );
    let worst = 0;
    for (let e = 0; e < expected[i].length; e++) {
      const error = Math.abs(actual[i][e] - expected[i][e]);
      if (!(error <= worst)) worst = error;
    }
    expect(worst, `${name}: largest error, against ${scale} at most`).toBeLessThanOrEqual(
      tolerance * scale,
    );
  }
}

export const cpu = new CpuDevice();
// Uses the fused kernels' references where a processor is better off without: for gradients.
export const fusing = Object.assign(new CpuDevice(), {
  traits: { ...cpu.traits, software: false },
});
export const webgpu = await tryWebGpu();
// What browsers' GPUs run: tiles in workgroup memory.
const portable = await tryWebGpu({ subgroupSize: 0, software: false });

/** Every way that attention runs; undefined without an adapter. */
export const devices = [
  ['cpu', cpu],
  ['cpu, always fused', fusing],
  ['webgpu', webgpu],
  ['webgpu without fixed subgroups', portable],
] as const;

export function closeDevices(): void {
  webgpu?.destroy();
  portable?.destroy();
}
