import { quantizedParts } from '../../formats/int8.ts';
import { SafetensorsError } from '../../formats/safetensors/dtypes.ts';
import type { TensorToStream } from '../../formats/safetensors/file.ts';
import { formatValue } from '../../platform/format.ts';

/**
 * Weights in 8 bits, as they stand in a safetensors file: NAME is I8 of [rows, columns], and
 * NAME_scale F32 of [rows, 1]; a weight is their product. Matrices are stored so, but not those of
 * classifiers and segments, which are tiny.
 */
export const SCALE_SUFFIX = '_scale';

const kept = /(^|\.)(classifier|qa_outputs|seq_relationship|token_type_embeddings)\./;

/** Whether a weight is stored in 8 bits. */
export const isStoredInt8 = (name: string, shape: readonly number[]): boolean =>
  shape.length === 2 && !kept.test(name);

/** The two tensors of a matrix. */
export function int8Tensors(
  name: string,
  shape: readonly number[],
  data: () => Promise<Float32Array>,
): [string, TensorToStream][] {
  const [rows] = shape;
  const parts = quantizedParts(data, rows);
  const finiteScales = async () => {
    const scales = await parts.scales();
    if (!scales.every(Number.isFinite))
      throw new SafetensorsError(`tensor ${formatValue(name)}: expected finite numbers for int8`);
    return scales;
  };
  return [
    [name, { dtype: 'I8', shape, data: async () => new Uint8Array((await parts.values()).buffer) }],
    [scalesOf(name), { dtype: 'F32', shape: [rows, 1], data: finiteScales }],
  ];
}

/** The name of the scales of a weight. */
export const scalesOf = (name: string): string => `${name}${SCALE_SUFFIX}`;
