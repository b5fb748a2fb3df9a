import { copy } from '../../kernels/elementwise/arithmetic.ts';
import { CHUNK, clipByNorm, sumSquares } from '../../kernels/reduction/gradientNorm.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { noteGradient } from '../../tensor/captureGuard.ts';
import { keep, noGrad, scope, type Tensor, zeros } from '../../tensor/index.ts';
import { isWhole, map, overStorage, run } from '../../tensor/launch.ts';
import { Storage } from '../../tensor/storage.ts';

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), in place, where norm is the Euclidean norm of all of them
 * together (PyTorch's `clip_grad_norm_`). Nothing waits for the device. Gradients that lie side by side in an
 * optimiser's arena take one launch.
 * @returns the norm before clipping, a tensor of one element.
 */
export function clipGradNorm(params: readonly Tensor[], maxNorm: number): Tensor {
  if (!(maxNorm > 0))
    throw new ArgumentError(`clipGradNorm: a positive norm was expected, not ${maxNorm}`);
  for (const param of params) noteGradient(param, true);
  const given = params.filter(({ grad }) => grad);
  const device = params[0]?.device;
  if (given.length === 0) return zeros([], { device });
  return noGrad(() =>
    scope(() => {
      const stretches = merge(given);
      const norm = normOf(stretches);
      for (const x of stretches) run(clipByNorm, { norm, x }, { count: x.size, maxNorm });
      return norm;
    }),
  );
}

/** The Euclidean norm of all elements of whole tensors together, a tensor of one element. */
export function normOf(tensors: readonly Tensor[]): Tensor {
  const chunks = tensors.map(({ size }) => Math.ceil(size / CHUNK));
  const partial = zeros([chunks.reduce((a, b) => a + b)], { device: tensors[0].device });
  let first = 0;
  tensors.forEach((x, i) => {
    run(sumSquares, { x, partial }, { count: x.size, first });
    first += chunks[i];
  });
  return partial.sum().sqrt();
}

/** The gradients as few flat tensors: neighbours in an optimiser's arena, whose gaps hold zeros, become one. */
function merge(params: readonly Tensor[]): Tensor[] {
  const merged: { parent: Storage; start: number; end: number }[] = [];
  const flat: Tensor[] = [];
  const startOf = ({ gradSlot }: Tensor) =>
    gradSlot ? gradSlot.binding.offset - gradSlot.parent!.binding.offset : 0;
  for (const param of [...params].sort((a, b) => startOf(a) - startOf(b))) {
    const { grad, gradSlot } = param;
    if (!gradSlot || grad!.storage !== gradSlot) {
      flat.push(flatGradient(param));
      continue;
    }
    const parent = gradSlot.parent!;
    const start = startOf(param);
    const end = start + gradSlot.binding.size;
    const before = merged.find((stretch) => stretch.parent === parent && stretch.end === start);
    if (before) before.end = end;
    else merged.push({ parent, start, end });
  }
  for (const { parent, start, end } of merged) {
    const part = new Storage(parent.device, { parent, offset: start, size: end - start });
    flat.push(overStorage(part, [(end - start) / 4]));
  }
  return flat;
}

/** A gradient that lies elsewhere, having been set by hand; what is no whole tensor is replaced by a copy that is. */
function flatGradient(param: Tensor): Tensor {
  const grad = param.grad!;
  if (!isWhole(grad)) {
    param.grad = keep(map(copy, [grad]));
    grad.dispose();
  }
  return overStorage(param.grad!.storage, [grad.size]);
}
