import { windowStep } from '../../device/splitLaunch.ts';
import {
  crossEntropy,
  crossEntropyBackward,
  crossEntropyState,
} from '../../kernels/crossEntropy.ts';
import { linear, matmul } from '../../kernels/matmul/index.ts';
import { denseMatmul } from '../../kernels/matmul/shape.ts';
import { accumulate } from '../../kernels/memory.ts';
import { sum as sumKernel } from '../../kernels/reduction/reduce.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { emptyGrad, record } from '../autograd.ts';
import { overStorage, run } from '../launch.ts';
import { reduceAxes } from '../reduceAxes.ts';
import { scope } from '../scope.ts';
import { show } from '../shape.ts';
import { Storage } from '../storage.ts';
import { empty, type Tensor } from '../tensor.ts';
import { div } from './elementwise.ts';
import { checkLabels, countUsed } from './loss.ts';
import { sum } from './reduce.ts';
import { contiguous } from './views.ts';

export interface LinearCrossEntropyOptions {
  reduction?: 'mean' | 'sum';
  /** Rows with this label count for nothing, as in PyTorch. */
  ignoreIndex?: number;
  /** Bytes that logits and their gradient may take at once; default 32 MiB. */
  budget?: number;
}

/** Rows of the weight between two places where a part may start: whole tiles of a product. */
const STEP = 64;

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
  { reduction = 'mean', ignoreIndex = -100, budget = 2 ** 25 }: LinearCrossEntropyOptions = {},
): Tensor {
  const [rows, size] = x.shape;
  const [classes] = weight.shape;
  const fits = [
    [x, [rows, size]],
    [weight, [classes, size]],
    [bias, [classes]],
    [labels, [rows]],
  ] as const;
  if (fits.some(([tensor, shape]) => show(tensor.shape) !== show(shape))) {
    throw new ArgumentError(
      `linearCrossEntropy: x [rows, size], weight [classes, size], bias [classes] and labels [rows] were expected, not ${[x, weight, bias, labels].map(({ shape }) => show(shape)).join(', ')}`,
    );
  }
  checkLabels('linearCrossEntropy', labels, classes, ignoreIndex);
  const { device } = x;
  const [a, w, b, targets] = [x, weight, bias, labels].map(contiguous);
  const fitting = device.traits.maxBinding / (4 * Math.max(rows, size));
  // A part starts where a binding to the bias may.
  const parts = divide(
    classes,
    Math.min(budget / (8 * rows), fitting),
    fitting < STEP ? windowStep(device.traits) : STEP,
  );
  const params = { rows, classes, ignoreIndex, smoothing: 0 };

  const logitsOf = ({ first, cols }: Part): Tensor => {
    const logits = empty([rows, cols], 'float32', device);
    const operands = { a, b: rowsOf(w, first, cols), bias: rowsOf(b, first, cols), y: logits };
    run(linear.none, operands, denseMatmul('NT', rows, size, cols));
    return logits;
  };
  // Logits that fit all together wait for their gradient.
  const kept = rows * classes * 8 <= budget ? parts.map(logitsOf) : undefined;

  const loss = empty([rows], 'float32', device);
  const state = empty([crossEntropyState(rows)], 'float32', device);
  for (const [i, part] of parts.entries()) {
    scope(() => {
      const logits = kept?.[i] ?? logitsOf(part);
      run(crossEntropy, { x: logits, labels: targets, state, loss }, { ...params, ...part });
    });
  }
  const each = record('linearCrossEntropy', loss, [a, w, b], (gradient) => {
    const dloss = contiguous(gradient);
    const dx = a.requiresGrad ? empty(a.shape, 'float32', device) : null;
    const dWeight = w.requiresGrad ? emptyGrad(w) : null;
    const dBias = b.requiresGrad ? emptyGrad(b) : null;
    const addPart = (part: Part, i: number) => {
      const { first, cols } = part;
      const logits = kept?.[i] ?? logitsOf(part);
      const dlogits = empty([rows, cols], 'float32', device);
      run(
        crossEntropyBackward,
        { dloss, x: logits, labels: targets, state, dx: dlogits },
        { ...params, ...part },
      );
      if (dWeight)
        run(
          matmul,
          { a: dlogits, b: a, y: rowsOf(dWeight, first, cols) },
          denseMatmul('TN', cols, rows, size),
        );
      if (dBias) reduceAxes(sumKernel, dlogits, [0], rowsOf(dBias, first, cols));
      if (!dx) return;
      const share = first === 0 ? dx : empty(dx.shape, 'float32', device);
      run(
        matmul,
        { a: dlogits, b: rowsOf(w, first, cols), y: share },
        denseMatmul('NN', rows, cols, size),
      );
      if (share !== dx) run(accumulate, { x: share, y: dx }, { count: dx.size });
    };
    parts.forEach((part, i) => {
      scope(() => addPart(part, i));
    });
    return [dx, dWeight, dBias];
  });
  return reduction === 'sum' ? sum(each) : div(sum(each), countUsed(targets, ignoreIndex));
}

/** `cols` classes from `first` on. */
interface Part {
  first: number;
  cols: number;
}

/** The classes in parts of at most `most`, but of no less than a step; a number that is not whole vec4s leaves its rest alone. */
function divide(classes: number, most: number, step: number): Part[] {
  const widest = Math.max(step, Math.floor(most / step) * step);
  const even = classes % 4 === 0 ? classes : classes - (classes % step);
  const parts: Part[] = [];
  for (let first = 0; first < classes; first += parts.at(-1)!.cols) {
    parts.push({ first, cols: Math.min(widest, (first < even ? even : classes) - first) });
  }
  return parts;
}

/** Some rows of a whole tensor, as one that a kernel can take for itself. */
function rowsOf(tensor: Tensor, first: number, count: number): Tensor {
  const [rows, ...rest] = tensor.shape;
  const bytes = (tensor.size / rows) * 4;
  const part = { parent: tensor.storage, offset: first * bytes, size: count * bytes };
  return overStorage(new Storage(tensor.device, part), [count, ...rest]);
}
