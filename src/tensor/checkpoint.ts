import { StateError } from '../platform/errors.ts';
import { needsGrad, recordAll } from './autograd.ts';
import { DrawTape } from './drawOnce.ts';
import { externalInputs, isMadeSince } from './graph.ts';
import { scope } from './scope.ts';
import { formatShape } from './shape.ts';
import { tick } from './storage.ts';
import { Tensor } from './tensor.ts';

/**
 * Runs `fn(...inputs)` and keeps nothing of it for backward but its inputs: backward runs it again
 * (PyTorch's `torch.utils.checkpoint`; Chen et al. 2016, arXiv 1604.06174). It takes less memory
 * for about a third more time, and gives the same results, gradients and random numbers, bit for
 * bit. `fn` must do the same both times: side effects, such as running statistics of a batch
 * normalisation, happen twice.
 * @param fn gets the inputs and returns a tensor, or tensors in an array or object; what else it
 *   makes is freed when it ends
 * @throws StateError from `backward` if the second run draws other random numbers, uses other
 *   parameters or gives other shapes, or if a tensor that it uses was overwritten since.
 * @example
 * const y = checkpoint((x) => block.forward(x), x);
 */
export function checkpoint<A extends readonly unknown[], R>(
  fn: (...inputs: A) => R,
  ...inputs: A
): R {
  const tape = new DrawTape();
  const start = tick();
  let external: Tensor[] = [];
  /** What the first run made and backward can reach, in order. */
  const outputs: Tensor[] = [];
  const result = scope(() => {
    const made = tape.run(() => fn(...inputs));
    const recorded = recordedTensors(made, start);
    external = externalInputs(recorded, start);
    return mapTensors(made, (tensor) => {
      if (!isMadeSince(tensor, start)) return tensor;
      const output = tensor.detach();
      if (recorded.includes(tensor)) outputs.push(output);
      return output;
    });
  });
  if (!needsGrad(external)) return result;
  recordAll('checkpoint', outputs, external, {
    recompute() {
      const again = recordedTensors(
        tape.run(() => fn(...inputs)),
        start,
      );
      const shapes = (tensors: readonly Tensor[]) =>
        tensors.map(({ shape }) => formatShape(shape)).join(', ');
      if (shapes(again) !== shapes(outputs))
        throw new StateError(
          `checkpoint: expected results of shapes ${shapes(outputs)}, as in the first run, ` +
            `got ${shapes(again)}: the function must do the same each time`,
        );
      return again;
    },
  });
  return result;
}

/** The tensors of a result that were recorded since `start`, each place for itself. */
function recordedTensors(result: unknown, start: number): Tensor[] {
  const found: Tensor[] = [];
  mapTensors(result, (tensor) => {
    if (tensor.gradFn && isMadeSince(tensor, start)) found.push(tensor);
    return tensor;
  });
  return found;
}

/** The same structure of arrays and plain objects, with each tensor mapped. */
function mapTensors<T>(value: T, map: (tensor: Tensor) => Tensor): T {
  if (value instanceof Tensor) return map(value) as T;
  if (Array.isArray(value)) return value.map((one) => mapTensors(one, map)) as T;
  if (value === null || typeof value !== 'object') return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, mapTensors(one, map)]),
  ) as T;
}
