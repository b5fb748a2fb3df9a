import { copy } from '../kernels/elementwise/arithmetic.ts';
import { ArgumentError, StateError } from '../platform/errors.ts';
import { noteHookChange } from './captureGuard.ts';
import { checkGradient } from './checkGradient.ts';
import { isDenseAtOrigin, launchMap } from './launch.ts';
import { describe } from './print.ts';
import { scope } from './scope.ts';
import { Tensor } from './tensor.ts';

/** Gets the gradient of a tensor; may return another one, of the same shape, in its place. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook need not return anything
export type GradientHook = (gradient: Tensor) => Tensor | null | undefined | void;

/** Takes back what was registered. */
export interface RemovableHandle {
  remove(): void;
}

const hooks = new WeakMap<Tensor, readonly GradientHook[]>();
const retaining = new WeakSet<Tensor>();

/**
 * Calls `hook` with the gradient of x whenever `backward` or `grad` has computed it whole, before
 * it goes further or into `grad` (PyTorch's `register_hook`). A tensor that it returns takes the
 * gradient's place. The gradient is freed after the call: `keep` a copy (`clone`) to hold on to it.
 * In a captured step, hooks run while it is captured, and replays repeat what they launched; a hook
 * that reads values on the host makes the capture fail.
 * @throws StateError if x does not require a gradient.
 * @example
 * const handle = weight.registerHook((gradient) => gradient.clamp(-1, 1));
 * handle.remove();
 */
export function registerHook(x: Tensor, hook: GradientHook): RemovableHandle {
  if (!x.requiresGrad)
    throw new StateError(
      `registerHook: expected a tensor that requires a gradient, got ${describe(x)}`,
    );
  // A function of its own, so that a hook registered twice is removed once.
  const registered: GradientHook = (gradient) => hook(gradient);
  hooks.set(x, [...(hooks.get(x) ?? []), registered]);
  const isLeaf = !x.gradFn;
  if (isLeaf) noteHookChange();
  return {
    remove() {
      const others = (hooks.get(x) ?? []).filter((one) => one !== registered);
      if (others.length > 0) hooks.set(x, others);
      else hooks.delete(x);
      if (isLeaf) noteHookChange();
    },
  };
}

/**
 * Leaves the gradient of x in `grad` at the next `backward`, although an operation made x
 * (PyTorch's `retain_grad`). That gradient belongs to the scope in which `backward` is called.
 * @throws StateError if x does not require a gradient.
 */
export function retainGrad(x: Tensor): void {
  if (!x.requiresGrad)
    throw new StateError(
      `retainGrad: expected a tensor that requires a gradient, got ${describe(x)}`,
    );
  if (!x.isLeaf) retaining.add(x);
}

export const hasHooks = (x: Tensor): boolean => hooks.has(x);
export const retainsGrad = (x: Tensor): boolean => retaining.has(x);

/** The gradient of x after its hooks; disposes the one given if it is replaced. */
export function applyHooks(x: Tensor, given: Tensor): Tensor {
  let gradient = given;
  for (const hook of hooks.get(x) ?? []) {
    const before = gradient;
    const replaced = scope(() => denseCopy(callHook(hook, before.detach(), x)));
    if (!replaced) continue;
    gradient = replaced;
    before.dispose();
  }
  return gradient;
}

/** A tensor of its own over the same dense memory, or a dense copy. */
const denseCopy = (x: Tensor | undefined): Tensor | undefined =>
  x && (isDenseAtOrigin(x) ? x.detach() : launchMap(copy, [x]));

/** The same for a gradient that is differentiated again: what hooks do is recorded too. */
export function runHooks(x: Tensor, given: Tensor): Tensor {
  return (hooks.get(x) ?? []).reduce(
    (gradient, hook) => callHook(hook, gradient, x) ?? gradient,
    given,
  );
}

function callHook(hook: GradientHook, gradient: Tensor, x: Tensor): Tensor | undefined {
  const { lastWrite } = gradient.storage;
  const result: unknown = hook(gradient);
  if (gradient.storage.lastWrite !== lastWrite)
    throw new StateError(
      `registerHook: ${gradient.storage.lastWrite!.by} wrote over the gradient that the hook was ` +
        'given, which others may share: return a new tensor instead',
    );
  if (result === undefined || result === null) return undefined;
  if (!(result instanceof Tensor)) {
    const what = result instanceof Promise ? 'a promise (it must not be async)' : typeof result;
    throw new ArgumentError(
      `registerHook: expected the hook to return a tensor or nothing, got ${what}`,
    );
  }
  checkGradient('registerHook: expected the hook to return', result, x);
  return result;
}
