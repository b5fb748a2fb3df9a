/**
 * Scalars and gradients of the parts of a batch. They are added up as a tree (`SumTree`), so that
 * one process that computes all parts and several that share them end with the same bits.
 */
import { cat, noGrad, scope, type Tensor, tensor, zeros } from '../../tensor/index.ts';
import { accumulateGrad } from '../../tensor/pendingGradient.ts';
import { SumTree } from '../distributed/sumTree.ts';

/** Loss and further scalars, and a gradient for each parameter that has one. */
export interface PartSum {
  values: Tensor[];
  gradients: (Tensor | null)[];
}

/**
 * Runs the parts, one after the other: a tree of their sums, as far as they need no other parts.
 * @param parts their numbers, from 0 in the whole batch
 * @param run leaves gradients at the parameters, and returns loss and scalars
 */
export function sumParts(
  parameters: readonly Tensor[],
  parts: readonly number[],
  run: (part: number) => Tensor[],
): SumTree<PartSum> {
  const tree = new SumTree(add);
  for (const part of parts) {
    // One part's activations are freed before the next one needs its own.
    const sum = scope(() => {
      const values = run(part);
      return { values, gradients: parameters.map(takeGradient) };
    });
    tree.push({ first: part, level: 0, sum });
  }
  return tree;
}

/** The sum of all parts; its gradients are left at the parameters. Returns loss and scalars. */
export function leaveTotal(parameters: readonly Tensor[], sums: SumTree<PartSum>): Tensor[] {
  const { values, gradients } = sums.total();
  for (const [i, parameter] of parameters.entries()) leaveGradient(parameter, gradients[i]);
  return values;
}

/** Makes a tensor the gradient of a parameter that has none. */
export function leaveGradient(parameter: Tensor, gradient: Tensor | null): void {
  if (gradient) noGrad(() => accumulateGrad(parameter, { dense: gradient, sparse: [] }));
}

function takeGradient(parameter: Tensor): Tensor | null {
  const { grad } = parameter;
  if (!grad) return null;
  const taken = noGrad(() => grad.clone());
  grad.dispose();
  parameter.grad = null;
  return taken;
}

const add = (a: PartSum, b: PartSum): PartSum => ({
  values: a.values.map((value, i) => addTo(value, b.values[i])!),
  gradients: a.gradients.map((gradient, i) => addTo(gradient, b.gradients[i])),
});

/** a + b in a's place, if there are both. */
function addTo(a: Tensor | null, b: Tensor | null): Tensor | null {
  if (!a || !b) return a ?? b;
  noGrad(() => a.add_(b));
  b.dispose();
  return a;
}

/** How a `PartSum` lies in an array: its scalars, which gradients it has, and these. */
export class SumLayout {
  /** Elements in all. */
  readonly length: number;
  readonly #sizes: readonly number[];

  constructor(parameters: readonly Tensor[]) {
    this.#sizes = parameters.map(({ size }) => size);
    this.length = this.#gradientsAt + this.#sizes.reduce((sum, size) => sum + size, 0);
  }

  get #gradientsAt(): number {
    return VALUES + this.#sizes.length;
  }

  /** @throws RangeError if there are more than seven scalars. */
  pack({ values, gradients }: PartSum): Tensor {
    const { device } = values[0];
    const pad = VALUES - 1 - values.length;
    if (pad < 0)
      throw new RangeError(`expected at most ${VALUES - 1} scalars, got ${values.length}`);
    const constant = (data: number[]) => tensor(data, { device, dtype: 'float32' });
    const head = [constant([values.length]), ...values.map((value) => value.reshape([1]))];
    return cat([
      ...head,
      ...(pad > 0 ? [zeros([pad], { device })] : []),
      constant(gradients.map((gradient) => (gradient ? 1 : 0))),
      ...gradients.map(
        (gradient, i) => gradient?.reshape([-1]) ?? zeros([this.#sizes[i]], { device }),
      ),
    ]);
  }

  /**
   * Reads a total over `sums` arrays of `pack`.
   * @returns the scalars, and the gradients of those parameters that any of them has.
   */
  unpack(total: Float32Array, sums: number): { values: Float32Array; gradients: Gradient[] } {
    const values = total.slice(1, 1 + Math.round(total[0] / sums));
    let begin = this.#gradientsAt;
    const gradients = this.#sizes.flatMap((size, parameter) => {
      const data = total.subarray(begin, (begin += size));
      return total[VALUES + parameter] > 0 ? [{ parameter, data }] : [];
    });
    return { values, gradients };
  }
}

/** The gradient of the parameter of a number. */
interface Gradient {
  parameter: number;
  data: Float32Array;
}

/** Their count, the loss, and room for more. */
const VALUES = 8;
