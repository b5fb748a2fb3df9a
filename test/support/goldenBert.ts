import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Device } from '../../src/device/device.ts';
import {
  parseSafetensors,
  type RawTensor,
  toFloat32,
  toInt32,
} from '../../src/formats/safetensors/file.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import type { GoldenSet } from './golden.ts';

/** The tensors of a file beside a set's tiny model. */
export const readGolden = (set: GoldenSet, name: string): Map<string, RawTensor> =>
  parseSafetensors(readFileSync(set.path(`tiny-bert/${name}.safetensors`))).tensors;
export const tinyBert = (set: GoldenSet, head: string): string => set.path(`tiny-bert/${head}`);

/** Inputs of a set's tiny model by name, on a device. */
export function goldenInputs(set: GoldenSet, device: Device) {
  const inputs = readGolden(set, 'inputs');
  const load = (name: string): Tensor => {
    const raw = inputs.get(name)!;
    return tensor(raw.dtype === 'F32' ? toFloat32(raw) : toInt32(raw), {
      shape: raw.shape,
      device,
    });
  };
  const main = () => ({
    inputIds: load('input_ids'),
    attentionMask: load('attention_mask'),
    tokenTypeIds: load('token_type_ids'),
  });
  return { load, main, masked: () => ({ ...main(), inputIds: load('masked_input_ids') }) };
}

/**
 * Largest difference, relative to 1 or to the expected tensor's largest magnitude, whichever is
 * more. `slack(i)` is an extra tolerance of element i.
 */
export async function distance(
  actual: Tensor,
  expected: RawTensor,
  slack = (_: number) => 0,
): Promise<number> {
  const values = toFloat32(expected);
  const got = await actual.data();
  expect(actual.shape).toEqual(expected.shape);
  let worst = 0;
  let scale = 1;
  for (let i = 0; i < values.length; i++) {
    scale = Math.max(scale, Math.abs(values[i]));
    const error = Math.abs(values[i] - got[i]) - slack(i);
    if (!(error <= worst)) worst = error;
  }
  return worst / scale;
}

/**
 * A slack for `distance`. A gradient that nearly cancels is rounding noise, and Adam's first step
 * is as long for noise as for any other gradient. Exact zeros are not noise.
 */
export function noisySteps(gradient: RawTensor, rate: number): (i: number) => number {
  const values = toFloat32(gradient);
  const noise = 1e-6 * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (i) => (values[i] !== 0 && Math.abs(values[i]) < noise ? 2 * rate : 0);
}
