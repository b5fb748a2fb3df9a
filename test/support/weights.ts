import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Weight } from '../../src/bert/checkpoint/read.ts';
import { parseSafetensors } from '../../src/formats/safetensors/file.ts';
import type { Module } from '../../src/nn/index.ts';

/** The bits of floats, to compare NaNs and both zeros too. */
export const bits = (values: Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');

/** The bits of each weight of a model. */
export const weightsOf = async (model: Module): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      [...model.stateDict()].map(async ([name, weight]) => [
        name,
        bits((await weight.data()) as Float32Array),
      ]),
    ),
  );

/** The tensors of a model folder's file. */
export const tensorsOf = async (dir: string) =>
  parseSafetensors(await readFile(join(dir, 'model.safetensors'))).tensors;

/** Weights as `writeCheckpoint` takes them. */
export const toSave = (tensors: Iterable<readonly [string, Weight]>) =>
  Array.from(
    tensors,
    ([name, { shape, data }]) => [name, { shape, data: async () => data }] as const,
  );
