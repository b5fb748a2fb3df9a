import { copy } from '../../kernels/elementwise/arithmetic.ts';
import { CHUNK_SIZE, clipByNorm, sumSquares } from '../../kernels/reduction/gradientNorm.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { guardGradient } from '../../tensor/captureGuard.ts';
import { gradBufferOf } from '../../tensor/gradBuffer.ts';
import { keep, noGrad, scope, Tensor, zeros } from '../../tensor/index.ts';
import { isDenseAtOrigin, launch, launchMap, tensorOver } from '../../tensor/launch.ts';
import { Storage } from '../../tensor/storage.ts';
import { listParams } from './options.ts';

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), in place; norm is the Euclidean norm of
 * all of them together (PyTorch's `clip_grad_norm_`). It does not wait for the device. Gradients
 * that lie side by side in an optimiser's arena take one launch.
 * @returns the norm before clipping, a tensor of one element.
 * @param given parameters, or one of them
 * @throws ArgumentError unless `maxNorm` is positive, and for a module.
 * @example
 * loss.backward();
 * clipGradNorm(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm(given: readonly Tensor[] | Tensor, maxNorm: number): Tensor {
  const params = listOf('clipGradNorm', given);
  if (!(maxNorm > 0))
    throw new ArgumentError(`clipGradNorm: \`maxNorm\`: expected a number > 0, got ${maxNorm}`);
  for (const param of params) guardGradient(param, true);
  const withGrad = params.filter(({ grad }) => grad);
  const device = params[0]?.device;
  if (withGrad.length === 0) return zeros([], { device });
  return noGrad(() =>
    scope(() => {
      const flatGrads = mergeAdjacent(withGrad);
      const norm = totalNorm(flatGrads);
      for (const x of flatGrads) launch(clipByNorm, { norm, x }, { count: x.size, maxNorm });
      return norm;
    }),
  );
}

/**
 * Limits each element of the gradients to ±clipValue, in place (PyTorch's `clip_grad_value_`).
 * @param given parameters, or one of them
 * @throws ArgumentError unless `clipValue` is positive, and for a module.
 * @example
 * loss.backward();
 * clipGradValue(model.parameters(), 0.5);
 * optimizer.step();
 */
export function clipGradValue(given: readonly Tensor[] | Tensor, clipValue: number): void {
  const params = listOf('clipGradValue', given);
  if (!(clipValue > 0))
    throw new ArgumentError(
      `clipGradValue: \`clipValue\`: expected a number > 0, got ${clipValue}`,
    );
  for (const param of params) guardGradient(param, true);
  noGrad(() =>
    scope(() => {
      for (const { grad } of params) grad?.copy_(grad.clamp(-clipValue, clipValue));
    }),
  );
}

const listOf = (name: string, given: readonly Tensor[] | Tensor): readonly Tensor[] =>
  given instanceof Tensor ? [given] : listParams(name, given);

/** The Euclidean norm over all elements of dense tensors, a tensor of one element. */
export function totalNorm(tensors: readonly Tensor[]): Tensor {
  const chunks = tensors.map(({ size }) => Math.ceil(size / CHUNK_SIZE));
  const partial = zeros([chunks.reduce((a, b) => a + b)], { device: tensors[0].device });
  let first = 0;
  tensors.forEach((x, i) => {
    launch(sumSquares, { x, partial }, { count: x.size, first });
    first += chunks[i];
  });
  return partial.sum().sqrt();
}

/**
 * The gradients as few flat tensors. Neighbours in an optimiser's arena become one, since the gaps
 * between them hold zeros.
 */
function mergeAdjacent(params: readonly Tensor[]): Tensor[] {
  const spans: { parent: Storage; start: number; end: number }[] = [];
  const flatGrads: Tensor[] = [];
  const startOf = (param: Tensor) => {
    const buffer = gradBufferOf(param);
    return buffer ? buffer.binding.offset - buffer.parent!.binding.offset : 0;
  };
  for (const param of [...params].sort((a, b) => startOf(a) - startOf(b))) {
    const { grad } = param;
    const gradBuffer = gradBufferOf(param);
    if (!gradBuffer || grad!.storage !== gradBuffer) {
      flatGrads.push(flatGrad(param));
      continue;
    }
    const parent = gradBuffer.parent!;
    const start = startOf(param);
    const end = start + gradBuffer.binding.size;
    const previous = spans.find((span) => span.parent === parent && span.end === start);
    if (previous) previous.end = end;
    else spans.push({ parent, start, end });
  }
  for (const { parent, start, end } of spans) {
    const part = new Storage(parent.device, { parent, offset: start, size: end - start });
    flatGrads.push(tensorOver(part, [(end - start) / 4]));
  }
  return flatGrads;
}

/** A gradient outside an arena, set by hand, as a flat tensor. A dense copy replaces a view. */
function flatGrad(param: Tensor): Tensor {
  const grad = param.grad!;
  if (!isDenseAtOrigin(grad)) {
    param.grad = keep(launchMap(copy, [grad]));
    grad.dispose();
  }
  return tensorOver(param.grad!.storage, [grad.size]);
}
