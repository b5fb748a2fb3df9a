import { windowAlignment } from '../../device/splitLaunch.ts';
import {
  crossEntropy,
  crossEntropyBackward,
  crossEntropyStateSize,
} from '../../kernels/crossEntropy.ts';
import { linear, matmul } from '../../kernels/matmul/index.ts';
import { denseMatmul } from '../../kernels/matmul/shape.ts';
import { accumulate } from '../../kernels/memory.ts';
import { sum as sumKernel } from '../../kernels/reduction/reduce.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { emptyGrad, record } from '../autograd.ts';
import { launch, tensorOver } from '../launch.ts';
import { reduceAxes } from '../reduceAxes.ts';
import { scope } from '../scope.ts';
import { formatShape } from '../shape.ts';
import { Storage } from '../storage.ts';
import { empty, type Tensor } from '../tensor.ts';
import { div } from './elementwise.ts';
import { checkLabels, countNotIgnored, IGNORE_INDEX } from './loss.ts';
import { sum } from './reduce.ts';
import { contiguous } from './views.ts';

export interface LinearCrossEntropyOptions {
  reduction?: 'mean' | 'sum';
  /** Rows with this label count for nothing, as in PyTorch. */
  ignoreIndex?: number;
  /** Bytes that logits and their gradient may take at once; default 32 MiB. */
  maxLogitsBytes?: number;
}

/** Rows of the weight between two places where a part may start: whole tiles of a product. */
const CLASS_ALIGNMENT = 64;

/**
 * crossEntropy(x weightᵀ + bias, labels) for many classes, whose logits never exist all at once: they are computed and used
 * part by part, and once more for the gradient. x: [rows, size], weight: [classes, size], bias: [classes], labels: [rows] (int32).
 * The mean is over rows not ignored, NaN if all are.
 * @throws ArgumentError when shapes do not fit, or a label from the host is no class (in a part of a tensor, it gives NaN).
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  labels: Tensor,
  {
    reduction = 'mean',
    ignoreIndex = IGNORE_INDEX,
    maxLogitsBytes = 2 ** 25,
  }: LinearCrossEntropyOptions = {},
): Tensor {
  const [rows, size] = x.shape;
  const [classes] = weight.shape;
  const expectedShapes = [
    [x, [rows, size]],
    [weight, [classes, size]],
    [bias, [classes]],
    [labels, [rows]],
  ] as const;
  if (expectedShapes.some(([tensor, shape]) => formatShape(tensor.shape) !== formatShape(shape))) {
    throw new ArgumentError(
      `linearCrossEntropy: x [rows, size], weight [classes, size], bias [classes] and labels [rows] were expected, not ${[x, weight, bias, labels].map(({ shape }) => formatShape(shape)).join(', ')}`,
    );
  }
  checkLabels('linearCrossEntropy', labels, classes, ignoreIndex);
  const { device } = x;
  const [a, w, b, targets] = [x, weight, bias, labels].map(contiguous);
  const maxBindingCols = device.traits.maxBinding / (4 * Math.max(rows, size));
  // A part starts where a binding to the bias may.
  const chunks = splitClasses(
    classes,
    Math.min(maxLogitsBytes / (8 * rows), maxBindingCols),
    maxBindingCols < CLASS_ALIGNMENT ? windowAlignment(device.traits) : CLASS_ALIGNMENT,
  );
  const params = { rows, classes, ignoreIndex, smoothing: 0 };

  const logitsOf = ({ first, cols }: ClassChunk): Tensor => {
    const logits = empty([rows, cols], 'float32', device);
    const operands = { a, b: rowSlice(w, first, cols), bias: rowSlice(b, first, cols), y: logits };
    launch(linear.none, operands, denseMatmul('NT', rows, size, cols));
    return logits;
  };
  // Logits that fit all together wait for their gradient.
  const keptLogits = rows * classes * 8 <= maxLogitsBytes ? chunks.map(logitsOf) : undefined;

  const loss = empty([rows], 'float32', device);
  const state = empty([crossEntropyStateSize(rows)], 'float32', device);
  for (const [i, chunk] of chunks.entries()) {
    scope(() => {
      const logits = keptLogits?.[i] ?? logitsOf(chunk);
      launch(crossEntropy, { x: logits, labels: targets, state, loss }, { ...params, ...chunk });
    });
  }
  const losses = record('linearCrossEntropy', loss, [a, w, b], (gradient) => {
    const dloss = contiguous(gradient);
    const dx = a.requiresGrad ? empty(a.shape, 'float32', device) : null;
    const dWeight = w.requiresGrad ? emptyGrad(w) : null;
    const dBias = b.requiresGrad ? emptyGrad(b) : null;
    const addChunk = (chunk: ClassChunk, i: number) => {
      const { first, cols } = chunk;
      const logits = keptLogits?.[i] ?? logitsOf(chunk);
      const dlogits = empty([rows, cols], 'float32', device);
      launch(
        crossEntropyBackward,
        { dloss, x: logits, labels: targets, state, dx: dlogits },
        { ...params, ...chunk },
      );
      if (dWeight)
        launch(
          matmul,
          { a: dlogits, b: a, y: rowSlice(dWeight, first, cols) },
          denseMatmul('TN', cols, rows, size),
        );
      if (dBias) reduceAxes(sumKernel, dlogits, [0], rowSlice(dBias, first, cols));
      if (!dx) return;
      const partialDx = first === 0 ? dx : empty(dx.shape, 'float32', device);
      launch(
        matmul,
        { a: dlogits, b: rowSlice(w, first, cols), y: partialDx },
        denseMatmul('NN', rows, cols, size),
      );
      if (partialDx !== dx) launch(accumulate, { x: partialDx, y: dx }, { count: dx.size });
    };
    chunks.forEach((chunk, i) => {
      scope(() => addChunk(chunk, i));
    });
    return [dx, dWeight, dBias];
  });
  return reduction === 'sum'
    ? sum(losses)
    : div(sum(losses), countNotIgnored(targets, ignoreIndex));
}

/** `cols` classes from `first` on. */
interface ClassChunk {
  first: number;
  cols: number;
}

/** The classes in parts of at most `maxCols`, but of no less than a step; a number that is not whole vec4s leaves its rest alone. */
function splitClasses(classes: number, maxCols: number, alignment: number): ClassChunk[] {
  const chunkCols = Math.max(alignment, Math.floor(maxCols / alignment) * alignment);
  const even = classes % 4 === 0 ? classes : classes - (classes % alignment);
  const chunks: ClassChunk[] = [];
  for (let first = 0; first < classes; first += chunks.at(-1)!.cols) {
    chunks.push({ first, cols: Math.min(chunkCols, (first < even ? even : classes) - first) });
  }
  return chunks;
}

/** Some rows of a whole tensor, as one that a kernel can take for itself. */
function rowSlice(tensor: Tensor, first: number, count: number): Tensor {
  const [rows, ...rest] = tensor.shape;
  const bytes = (tensor.size / rows) * 4;
  const part = { parent: tensor.storage, offset: first * bytes, size: count * bytes };
  return tensorOver(new Storage(tensor.device, part), [count, ...rest]);
}
