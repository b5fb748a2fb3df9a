import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { full, tensor } from '../create.ts';
import { operation } from '../operation.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { affine, clamp, div, eq, ge, maskedFill, maximum, mul, toFloat } from './elementwise.ts';
import { embedding, indexSelect } from './embedding.ts';
import { sum } from './reduce.ts';
import { max } from './sort.ts';
import { expand, reshape, unsqueeze } from './views.ts';

/** Options of `embeddingBag`. */
export interface EmbeddingBagOptions {
  /** What becomes of the rows of a bag; default `mean`. */
  mode?: 'sum' | 'mean' | 'max';
  /** Where each bag begins in a vector of ids, from 0 on. A bag ends where the next one begins. */
  offsets?: readonly number[];
  /** A factor for each row, of the ids' shape; for `sum` only. */
  perSampleWeights?: Tensor;
  /** This id counts as no row, and gets no gradient. */
  paddingIdx?: number;
}

/**
 * Sums, means or maxima of bags of rows of a table (PyTorch's `embedding_bag`). ids: [bags,
 * length], or a vector with `offsets` for bags of different lengths; weight: [vocab, size] → [bags,
 * size]. A bag without rows is 0.
 * @throws ArgumentError if the options do not fit, or an id from the host has no row.
 * @example
 * embeddingBag(ids, weight, { offsets: [0, 4] }); // means of the rows 0 to 3 and of the others
 */
export const embeddingBag = operation(
  'embeddingBag',
  2,
  (ids: Tensor, weight: Tensor, options: EmbeddingBagOptions = {}): Tensor => {
    const { mode = 'mean', offsets, perSampleWeights, paddingIdx } = options;
    requireOneOf(mode, ['sum', 'mean', 'max'], '`mode`');
    checkOptions(ids, options);
    let rows = embedding(ids, weight, paddingIdx);
    if (perSampleWeights) rows = mul(rows, unsqueeze(perSampleWeights, ids.ndim));
    let missing = paddingIdx === undefined ? undefined : toFloat(eq(ids, paddingIdx));
    if (offsets) {
      const { places, isFilled, shape } = gridOf(offsets, ids);
      rows = reshape(indexSelect(rows, 0, places), [...shape, weight.shape[1]]);
      if (missing) missing = reshape(indexSelect(missing, 0, places), shape);
      missing = missing ? maximum(missing, isFilled) : isFilled;
    }
    return reduceBags(mode, rows, missing);
  },
  ['mode', 'offsets', 'perSampleWeights', 'paddingIdx'],
);

/**
 * Bags as rows of one length: the place of each row in the vector of ids, and 1 where a bag has no
 * more rows.
 */
function gridOf(offsets: readonly number[], ids: Tensor) {
  const ends = [...offsets.slice(1), ids.size];
  const longest = Math.max(0, ...ends.map((end, bag) => end - offsets[bag]));
  const shape = [offsets.length, longest];
  const places = new Int32Array(offsets.length * longest);
  const isFilled = new Float32Array(places.length);
  for (const [bag, start] of offsets.entries()) {
    for (let k = 0; k < longest; k++) {
      const isRow = start + k < ends[bag];
      places[bag * longest + k] = isRow ? start + k : 0;
      isFilled[bag * longest + k] = isRow ? 0 : 1;
    }
  }
  const { device } = ids;
  return {
    places: tensor(places, { device }),
    isFilled: tensor(isFilled, { shape, device }),
    shape,
  };
}

/** rows: [bags, length, size]; missing: [bags, length], 1 for rows that do not count. */
function reduceBags(
  mode: 'sum' | 'mean' | 'max',
  rows: Tensor,
  missing: Tensor | undefined,
): Tensor {
  const [bags, length, size] = rows.shape;
  if (length === 0) return sum(rows, 1);
  const mask = missing && unsqueeze(missing, 2);
  if (mode !== 'max') {
    const total = sum(mask ? maskedFill(rows, mask, 0) : rows, 1);
    if (mode === 'sum') return total;
    const count = missing
      ? affine(sum(missing, 1, true), -1, length)
      : full([bags, 1], length, rows);
    return div(total, clamp(count, 1));
  }
  if (!mask) return max(rows, 1).values;
  const largest = max(maskedFill(rows, mask, Number.NEGATIVE_INFINITY), 1).values;
  const isEmpty = expand(ge(sum(missing, 1, true), length), [bags, size]);
  return maskedFill(largest, isEmpty, 0);
}

function checkOptions(ids: Tensor, { mode, offsets, perSampleWeights }: EmbeddingBagOptions): void {
  if (ids.ndim !== (offsets ? 1 : 2))
    throw new ArgumentError(
      `embeddingBag: expected ids ${offsets ? '[count] with' : '[bags, length] without'} ` +
        `\`offsets\`, got ${formatShape(ids.shape)}`,
    );
  const isOrdered = offsets?.every(
    (start, bag) =>
      Number.isInteger(start) &&
      start <= ids.size &&
      (bag === 0 ? start === 0 : start >= offsets[bag - 1]),
  );
  if (isOrdered === false)
    throw new ArgumentError(
      `embeddingBag: expected \`offsets\` that begin with 0 and rise to ${ids.size} at most, ` +
        `got ${formatShape(offsets!.slice(0, 8))}`,
    );
  if (!perSampleWeights) return;
  if (mode !== 'sum')
    throw new ArgumentError("embeddingBag: expected mode: 'sum' with `perSampleWeights`");
  if (formatShape(perSampleWeights.shape) !== formatShape(ids.shape))
    throw new ArgumentError(
      `embeddingBag: expected \`perSampleWeights\` of shape ${formatShape(ids.shape)}, ` +
        `got ${formatShape(perSampleWeights.shape)}`,
    );
}
