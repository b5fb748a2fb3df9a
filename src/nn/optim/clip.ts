import { CHUNK, clipByNorm, sumSquares } from '../../kernels/norm.ts';
import { BLOCK } from '../../kernels/optimizers.ts';
import { noGrad, scope, type Tensor, zeros } from '../../tensor/index.ts';
import { overStorage, run } from '../../tensor/run.ts';
import { Storage } from '../../tensor/storage.ts';

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), in place, where norm is the Euclidean norm of all of them
 * together (PyTorch's `clip_grad_norm_`). Nothing waits for the device. Gradients that lie side by side in an
 * optimiser's arena take one launch.
 * @returns the norm before clipping, a tensor of one element.
 */
export function clipGradNorm(params: readonly Tensor[], maxNorm: number): Tensor {
  if (!(maxNorm > 0)) throw new RangeError(`clipGradNorm: a positive norm was expected, not ${maxNorm}`);
  const grads = params.flatMap(({ grad }) => (grad ? [grad] : []));
  if (grads.length === 0) return zeros([]);
  return noGrad(() =>
    scope(() => {
      const stretches = merge(grads);
      const chunks = stretches.map(({ size }) => Math.ceil(size / CHUNK));
      const partial = zeros([chunks.reduce((a, b) => a + b)], { device: grads[0].device });
      let first = 0;
      stretches.forEach((x, i) => {
        run(sumSquares, { x, partial }, { count: x.size, first });
        first += chunks[i];
      });
      const norm = partial.sum().sqrt();
      for (const x of stretches) run(clipByNorm, { norm, x }, { count: x.size, maxNorm });
      return norm;
    }),
  );
}

/** The gradients as few flat tensors: neighbours in one buffer, whose gaps hold zeros, become one. */
function merge(grads: readonly Tensor[]): Tensor[] {
  const merged: { parent: Storage; start: number; end: number }[] = [];
  const flat: Tensor[] = [];
  const startOf = ({ storage: { parent, binding } }: Tensor) => binding.offset - (parent?.binding.offset ?? 0);
  for (const grad of [...grads].sort((a, b) => startOf(a) - startOf(b))) {
    const { parent } = grad.storage;
    if (!parent) {
      flat.push(overStorage(grad.storage, [grad.size]));
      continue;
    }
    const start = startOf(grad);
    const end = start + Math.ceil(grad.size / BLOCK) * BLOCK * 4;
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
