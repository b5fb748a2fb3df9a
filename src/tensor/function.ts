import { ArgumentError, StateError } from '../platform/errors.ts';
import { needsGrad, noGrad, recordAll } from './autograd.ts';
import { checkGradient } from './checkGradient.ts';
import { describe } from './print.ts';
import { checkSaved } from './savedTensors.ts';
import { Tensor } from './tensor.ts';

/**
 * What the forward of a `Function` leaves for its backward (PyTorch's `ctx`).
 * @example
 * forward(context: FunctionContext, x: Tensor) {
 *   context.saveForBackward(x); // backward reads context.savedTensors
 *   return x.square();
 * }
 */
export class FunctionContext {
  /** Whether each argument of `apply` is a tensor that requires a gradient. */
  readonly needsInputGrad: readonly boolean[];
  #saved: readonly Tensor[] = [];
  #nonDifferentiable: readonly Tensor[] = [];

  constructor(needsInputGrad: readonly boolean[]) {
    this.needsInputGrad = needsInputGrad;
  }

  /** Keeps tensors that backward needs: arguments, results, or others. Call it once, in forward. */
  saveForBackward(...tensors: Tensor[]): void {
    this.#saved = tensors;
  }

  /**
   * What `saveForBackward` kept.
   * @throws StateError if one was overwritten or disposed since.
   */
  get savedTensors(): Tensor[] {
    for (const tensor of this.#saved) {
      if (tensor.isDisposed)
        throw new StateError(
          `savedTensors: ${describe(tensor)} was disposed: keep it (\`keep\`) or return it ` +
            `from its scope`,
        );
      checkSaved(tensor);
    }
    return [...this.#saved];
  }

  /** Says that some results have no gradient: they do not require one. */
  markNonDifferentiable(...outputs: Tensor[]): void {
    this.#nonDifferentiable = outputs;
  }

  /** Whether a result passes gradients on. */
  isDifferentiable(output: Tensor): boolean {
    return output?.dtype === 'float32' && !this.#nonDifferentiable.includes(output);
  }
}

/** One tensor or several: what a `Function` returns. */
type Outputs = Tensor | readonly Tensor[];
/** A gradient for each result. */
type OutputGradients<R extends Outputs> = R extends Tensor
  ? [gradOutput: Tensor]
  : { [K in keyof R]: Tensor };
/** A gradient for each argument: null for one that is no tensor or has none. */
type InputGradients = Tensor | null | readonly (Tensor | null)[];

/** Static side of a `Function`. */
interface FunctionClass<
  C extends FunctionContext,
  A extends readonly unknown[],
  R extends Outputs,
> {
  readonly name: string;
  forward(ctx: C, ...args: A): R;
  backward(ctx: C, ...gradOutputs: OutputGradients<R>): InputGradients;
}

/**
 * An operation with a backward of your own (PyTorch's `torch.autograd.Function`). A subclass has
 * two static methods. `forward(ctx, ...args)` computes one tensor or an array of them; it runs
 * without recording. `backward(ctx, ...gradOutputs)` gets a gradient for each result (zeros where
 * none arrived) and returns one for each argument of forward: null for an argument that is not a
 * tensor, or that needs none (`ctx.needsInputGrad`). Tensors for backward go through
 * `ctx.saveForBackward`, other values into fields of `ctx`.
 *
 * In a captured step both run once, while it is captured, and replays repeat their launches.
 * @example
 * class Scale extends Function {
 *   static forward(ctx: FunctionContext & { factor: number }, x: Tensor, factor: number) {
 *     ctx.factor = factor;
 *     return x.mul(factor);
 *   }
 *   static backward(ctx: FunctionContext & { factor: number }, dy: Tensor) {
 *     return [dy.mul(ctx.factor), null];
 *   }
 * }
 * const y = Scale.apply(x, 3);
 */
// biome-ignore lint/suspicious/noShadowRestrictedNames: PyTorch's name
// biome-ignore lint/complexity/noStaticOnlyClass: a base class, as PyTorch's
export abstract class Function {
  /**
   * Runs forward, and records backward if an argument requires a gradient. A tensor inside an array
   * or object has no gradient: give it as an argument of its own.
   * @throws ArgumentError if forward returns anything but tensors, or such a tensor requires a
   *   gradient; from `backward`, if the gradients do not fit in number, shape or dtype.
   */
  static apply<C extends FunctionContext, A extends readonly unknown[], R extends Outputs>(
    this: FunctionClass<C, A, R>,
    ...args: A
  ): R {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on
    return applyFunction(this, args);
  }
}

function applyFunction<C extends FunctionContext, A extends readonly unknown[], R extends Outputs>(
  definition: FunctionClass<C, A, R>,
  args: A,
): R {
  const { name } = definition;
  const inputs = args.filter((arg) => arg instanceof Tensor);
  for (const [i, arg] of args.entries())
    if (!(arg instanceof Tensor) && needsGrad(tensorsIn(arg)))
      throw new ArgumentError(
        `${name}.apply: argument ${i} holds a tensor that requires a gradient, which would be ` +
          'lost: give each tensor as an argument of its own',
      );
  const ctx = new FunctionContext(
    args.map((arg) => arg instanceof Tensor && needsGrad([arg])),
  ) as C;
  const returned: unknown = noGrad(() => definition.forward(ctx, ...args));
  const list = Array.isArray(returned) ? returned : [returned];
  const isDifferentiable = list.map((output) => ctx.isDifferentiable(output));
  const outputs = list.map((output, i) =>
    asOutput(name, output, inputs, Array.isArray(returned) ? ` at place ${i}` : ''),
  );
  recordAll(
    name,
    outputs,
    inputs,
    (...gradOutputs) => {
      const gradients = definition.backward(ctx, ...(gradOutputs as OutputGradients<R>));
      return inputGradients(name, gradients, args);
    },
    outputs.filter((_, i) => isDifferentiable[i]),
  );
  return (Array.isArray(returned) ? outputs : outputs[0]) as R;
}

/** A result of forward as a tensor that no operation has recorded. */
function asOutput(name: string, output: unknown, inputs: readonly Tensor[], place: string): Tensor {
  if (output instanceof Tensor)
    return inputs.includes(output) || output.requiresGrad ? output.detach() : output;
  const what = output instanceof Promise ? 'a promise (it must not be async)' : typeof output;
  throw new ArgumentError(`${name}.forward: expected a tensor${place}, got ${what}`);
}

/** What backward returned, as a gradient or null for each tensor among the arguments. */
function inputGradients(
  name: string,
  returned: unknown,
  args: readonly unknown[],
): (Tensor | null)[] {
  if (returned instanceof Promise)
    throw new ArgumentError(`${name}.backward: expected gradients, got a promise (async)`);
  const gradients: unknown[] = Array.isArray(returned) ? returned : [returned];
  if (gradients.length !== args.length)
    throw new ArgumentError(
      `${name}.backward: expected ${args.length} gradients, one for each argument of forward ` +
        `(null for none), got ${gradients.length}`,
    );
  return args.flatMap((arg, i) => {
    const gradient = gradients[i];
    const isTensor = arg instanceof Tensor;
    if (gradient !== null && !(gradient instanceof Tensor && isTensor)) {
      const expected = isTensor ? 'a tensor or null' : 'null, since it is not a tensor';
      const got = gradient instanceof Tensor ? 'a tensor' : typeof gradient;
      throw new ArgumentError(
        `${name}.backward: gradient of argument ${i}: expected ${expected}, got ${got}`,
      );
    }
    if (gradient && isTensor && arg.requiresGrad)
      checkGradient(`${name}.backward: argument ${i}: expected`, gradient, arg);
    return isTensor ? [gradient] : [];
  });
}

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value === null || typeof value !== 'object') return [];
  if (Object.getPrototypeOf(value) !== Object.prototype) return [];
  return Object.values(value).flatMap(tensorsIn);
}
