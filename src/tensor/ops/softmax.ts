import * as kernels from '../../kernels/softmax.ts';
import { record } from '../autograd.ts';
import { run } from '../run.ts';
import { normalizeDim } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { contiguous, transpose } from './views.ts';

type Forward = typeof kernels.softmax;
type Backward = typeof kernels.softmaxBackward;

/** An operation on rows, for any dimension: another one than the last is brought there and back. */
const alongRows = (forward: Forward, backward: Backward) =>
  function along(x: Tensor, dim = -1): Tensor {
    const d = normalizeDim(dim, x.ndim, forward.name);
    if (d < x.ndim - 1) return transpose(along(transpose(x, d, -1)), d, -1);
    const source = contiguous(x);
    const cols = x.shape.at(-1) ?? 1;
    const sizes = { rows: x.size / Math.max(1, cols), cols };
    const y = empty(x.shape, 'float32', x.device);
    run(forward, { x: source, y }, sizes);
    return record(forward.name, y, [source], (dy) => {
      const dx = empty(x.shape, 'float32', x.device);
      run(backward, { dy: contiguous(dy), y, dx }, sizes);
      return [dx];
    });
  };

/** exp(x) / Σ exp(x) along a dimension. */
export const softmax = alongRows(kernels.softmax, kernels.softmaxBackward);
/** log(softmax(x)), computed without leaving the logarithm. */
export const logSoftmax = alongRows(kernels.logSoftmax, kernels.logSoftmaxBackward as Backward);
