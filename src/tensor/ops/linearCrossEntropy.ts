import {
  crossEntropy,
  crossEntropyBackward,
  crossEntropyStateSize,
} from '../../kernels/crossEntropy.ts';
import { classChunkLimits } from '../../kernels/heuristics.ts';
import { linear, matmul } from '../../kernels/matmul/index.ts';
import { denseMatmul } from '../../kernels/matmul/shape.ts';
import { accumulate } from '../../kernels/memory.ts';
import { sum as sumKernel } from '../../kernels/reduction/reduce.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { emptyGrad, record } from '../autograd.ts';
import { launch, tensorOver } from '../launch.ts';
import { operation } from '../operation.ts';
import { reduceAxes } from '../reduceAxes.ts';
import { scope } from '../scope.ts';
import { formatShape } from '../shape.ts';
import { Storage } from '../storage.ts';
import { empty, type Tensor } from '../tensor.ts';
import { div } from './elementwise.ts';
import {
  applyReduction,
  checkLabels,
  countNotIgnored,
  IGNORE_INDEX,
  type Reduction,
  rowCrossEntropy,
} from './loss.ts';
import { linear as linearLayer } from './matmul.ts';
import { sum } from './reduce.ts';
import { contiguous } from './views.ts';

/** Options of `linearCrossEntropy`. */
export interface LinearCrossEntropyOptions {
  /** Default: mean. */
  reduction?: Reduction;
  /** Rows with this label do not count, as in PyTorch. */
  ignoreIndex?: number;
  /** Largest memory of logits and their gradient at a time, in bytes; default 32 MiB. */
  maxLogitsBytes?: number;
}

/**
 * crossEntropy(x weightᵀ + bias, labels) for many classes. The logits never exist all at once: they
 * are computed and used part by part, and again for the gradient. x: [rows, size], weight:
 * [classes, size], bias: [classes], labels: [rows] (int32). The mean is over the rows that are not
 * ignored; NaN if all are. → a scalar, or [rows] without a reduction
 * @throws ArgumentError if shapes do not fit, or a label from the host is not a class (in a part of
 * a tensor it gives NaN).
 * @example
 * const labels = tensor(Int32Array.of(3, 7));
 * linearCrossEntropy(randn(2, 16), randn(100, 16), zeros(100), labels).shape; // []
 */
export const linearCrossEntropy = operation(
  'linearCrossEntropy',
  4,
  (
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    labels: Tensor,
    {
      reduction = 'mean',
      ignoreIndex = IGNORE_INDEX,
      maxLogitsBytes = 2 ** 25,
    }: LinearCrossEntropyOptions = {},
  ): Tensor => {
    checkShapes(x, weight, bias, labels);
    const [rows, size] = x.shape;
    const [classes] = weight.shape;
    checkLabels('linearCrossEntropy', labels, classes, ignoreIndex);
    const { device } = x;
    const [a, w, b, targets] = [x, weight, bias, labels].map(contiguous);
    const limits = classChunkLimits(device.traits, { rows, size }, maxLogitsBytes);
    const chunks = splitClasses(classes, limits.maxCols, limits.alignment);
    const layer = { a, w, b };
    // If all logits fit, they are kept for the gradient.
    const keptLogits =
      rows * classes * 8 <= maxLogitsBytes
        ? chunks.map((chunk) => logitsOf(layer, chunk))
        : undefined;
    const forEachChunk = (use: (chunk: ClassChunk, logits: Tensor) => void) => {
      for (const [i, chunk] of chunks.entries())
        scope(() => use(chunk, keptLogits?.[i] ?? logitsOf(layer, chunk)));
    };
    const params = { rows, classes, ignoreIndex, smoothing: 0 };
    const loss = empty([rows], 'float32', device);
    const state = empty([crossEntropyStateSize(rows)], 'float32', device);
    forEachChunk((chunk, logits) => {
      launch(crossEntropy, { x: logits, labels: targets, state, loss }, { ...params, ...chunk });
    });
    const backward = (gradient: Tensor) => {
      const dloss = contiguous(gradient);
      const gradients = {
        dx: a.requiresGrad ? empty(a.shape, 'float32', device) : null,
        dWeight: w.requiresGrad ? emptyGrad(w) : null,
        dBias: b.requiresGrad ? emptyGrad(b) : null,
      };
      forEachChunk((chunk, logits) => {
        const dlogits = empty(logits.shape, 'float32', device);
        launch(
          crossEntropyBackward,
          { dloss, x: logits, labels: targets, state, dx: dlogits },
          { ...params, ...chunk },
        );
        addGradients(layer, chunk, dlogits, gradients);
      });
      return [gradients.dx, gradients.dWeight, gradients.dBias];
    };
    const losses = record('linearCrossEntropy', loss, [a, w, b], backward, () =>
      rowCrossEntropy(linearLayer(a, w, b), targets, ignoreIndex, 0),
    );
    if (reduction !== 'mean') return applyReduction(losses, reduction);
    return div(sum(losses), countNotIgnored(targets, ignoreIndex));
  },
  ['reduction', 'ignoreIndex', 'maxLogitsBytes'],
);

function checkShapes(x: Tensor, weight: Tensor, bias: Tensor, labels: Tensor): void {
  const [rows, size] = x.shape;
  const [classes] = weight.shape;
  const expectedShapes = [
    [x, [rows, size]],
    [weight, [classes, size]],
    [bias, [classes]],
    [labels, [rows]],
  ] as const;
  if (expectedShapes.every(([tensor, shape]) => formatShape(tensor.shape) === formatShape(shape)))
    return;
  const shapes = [x, weight, bias, labels].map(({ shape }) => formatShape(shape));
  throw new ArgumentError(
    'linearCrossEntropy: expected x [rows, size], weight [classes, size], bias [classes] and ' +
      `labels [rows], got ${shapes.join(', ')}`,
  );
}

/** The input x, weight and bias of the layer that gives the logits, each contiguous. */
interface Layer {
  a: Tensor;
  w: Tensor;
  b: Tensor;
}

/** The logits of some classes: [rows, cols]. */
function logitsOf({ a, w, b }: Layer, { first, cols }: ClassChunk): Tensor {
  const [rows, size] = a.shape;
  const logits = empty([rows, cols], 'float32', a.device);
  const operands = { a, b: rowSlice(w, first, cols), bias: rowSlice(b, first, cols), y: logits };
  launch(linear.none, operands, denseMatmul('NT', rows, size, cols));
  return logits;
}

/** Adds what the gradient of some classes' logits gives to the gradients of x, weight and bias. */
function addGradients(
  { a, w }: Layer,
  { first, cols }: ClassChunk,
  dlogits: Tensor,
  { dx, dWeight, dBias }: Record<'dx' | 'dWeight' | 'dBias', Tensor | null>,
): void {
  const [rows, size] = a.shape;
  if (dWeight)
    launch(
      matmul,
      { a: dlogits, b: a, y: rowSlice(dWeight, first, cols) },
      denseMatmul('TN', cols, rows, size),
    );
  if (dBias) reduceAxes(sumKernel, dlogits, [0], rowSlice(dBias, first, cols));
  if (!dx) return;
  const partialDx = first === 0 ? dx : empty(dx.shape, 'float32', dx.device);
  launch(
    matmul,
    { a: dlogits, b: rowSlice(w, first, cols), y: partialDx },
    denseMatmul('NN', rows, cols, size),
  );
  if (partialDx !== dx) launch(accumulate, { x: partialDx, y: dx }, { count: dx.size });
}

/** `cols` classes from `first` on. */
interface ClassChunk {
  first: number;
  cols: number;
}

/**
 * The classes in parts of at most `maxCols`, but at least `alignment`. If their number is not a
 * multiple of 4, the rest is a part of its own.
 */
function splitClasses(classes: number, maxCols: number, alignment: number): ClassChunk[] {
  const chunkCols = Math.max(alignment, Math.floor(maxCols / alignment) * alignment);
  const even = classes % 4 === 0 ? classes : classes - (classes % alignment);
  const chunks: ClassChunk[] = [];
  for (let first = 0; first < classes; first += chunks.at(-1)!.cols) {
    chunks.push({ first, cols: Math.min(chunkCols, (first < even ? even : classes) - first) });
  }
  return chunks;
}

/** Some rows of a contiguous tensor, as a tensor of its own that a kernel can bind. */
function rowSlice(tensor: Tensor, first: number, count: number): Tensor {
  const [rows, ...rest] = tensor.shape;
  const bytes = (tensor.size / rows) * 4;
  const part = { parent: tensor.storage, offset: first * bytes, size: count * bytes };
  return tensorOver(new Storage(tensor.device, part), [count, ...rest]);
}
