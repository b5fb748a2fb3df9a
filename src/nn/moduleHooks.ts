import { ArgumentError } from '../platform/errors.ts';
import { recordAll } from '../tensor/autograd.ts';
import { noteHookChange } from '../tensor/captureGuard.ts';
import type { RemovableHandle } from '../tensor/gradientHooks.ts';
import { keep, Tensor } from '../tensor/index.ts';

/** Hooks of modules: functions that see, and may replace, what goes through `forward`. */

type Forward = (...args: never[]) => unknown;
/** Arguments of a module's forward. */
export type ForwardArgs<M> = M extends { forward(...args: infer A): unknown } ? A : unknown[];
/** Result of a module's forward. */
export type ForwardResult<M> = M extends { forward(...args: never[]): infer R } ? R : unknown;
/** Gradients of tensors, in order; null where one does not require a gradient. */
export type HookGradients = readonly (Tensor | null)[];

export type ForwardPreHook<M> = (
  module: M,
  args: ForwardArgs<M>,
  // biome-ignore lint/suspicious/noConfusingVoidType: a hook need not return anything
) => ForwardArgs<M> | null | undefined | void;
export type ForwardHook<M> = (
  module: M,
  args: ForwardArgs<M>,
  result: ForwardResult<M>,
  // biome-ignore lint/suspicious/noConfusingVoidType: a hook need not return anything
) => ForwardResult<M> | null | undefined | void;
export type BackwardHook<M> = (
  module: M,
  gradInput: HookGradients,
  gradOutput: HookGradients,
  // biome-ignore lint/suspicious/noConfusingVoidType: a hook need not return anything
) => HookGradients | null | undefined | void;

interface HookLists {
  pre: ForwardPreHook<object>[];
  post: ForwardHook<object>[];
  backward: BackwardHook<object>[];
}

const hooksOf = new WeakMap<object, HookLists>();

/** Adds a hook; the first one of a module puts a function around its `forward`. */
export function addHook<K extends keyof HookLists>(
  module: object,
  kind: K,
  hook: HookLists[K][number],
): RemovableHandle {
  let lists = hooksOf.get(module);
  if (!lists) {
    hooksOf.set(module, (lists = { pre: [], post: [], backward: [] }));
    wrapForward(module, lists);
  }
  const list = lists[kind] as unknown[];
  // A function of its own, so that a hook registered twice is removed once.
  const registered = (...args: unknown[]) => (hook as (...args: unknown[]) => unknown)(...args);
  list.push(registered);
  noteHookChange();
  return {
    remove() {
      const at = list.indexOf(registered);
      if (at >= 0) list.splice(at, 1);
      noteHookChange();
    },
  };
}

function wrapForward(module: object, lists: HookLists): void {
  const holder = module as { forward?: Forward };
  const { forward } = holder;
  if (typeof forward !== 'function')
    throw new ArgumentError(
      `hooks: expected a module with forward, got ${module.constructor.name}`,
    );
  const wrapped = (...given: unknown[]): unknown => {
    let args = given;
    for (const hook of [...lists.pre]) {
      const replaced = synchronous(hook(module, args));
      if (isGiven(replaced)) args = Array.isArray(replaced) ? replaced : [replaced];
    }
    const backward = [...lists.backward];
    const run = (inputs: unknown[]) => {
      let result = forward.apply(module, inputs as never[]);
      for (const hook of [...lists.post]) {
        const replaced = synchronous(hook(module, inputs, result));
        if (isGiven(replaced)) result = replaced;
      }
      return result;
    };
    return backward.length > 0 ? withBackwardHooks(module, backward, args, run) : run(args);
  };
  Object.defineProperty(module, 'forward', {
    value: wrapped,
    configurable: true,
    writable: true,
    enumerable: false,
  });
}

const isGiven = <T>(replaced: T): replaced is NonNullable<T> =>
  (replaced ?? undefined) !== undefined;

/** @throws ArgumentError for a promise: a captured step cannot wait for one. */
function synchronous<T>(result: T): T {
  if (result instanceof Promise)
    throw new ArgumentError('hooks: expected the hook to return at once, got a promise (async)');
  return result;
}

/**
 * Puts an identity before the inputs and one after the results: the second notes the gradients of
 * the results, the first calls the hooks with both.
 */
function withBackwardHooks(
  module: object,
  hooks: readonly BackwardHook<object>[],
  args: unknown[],
  run: (args: unknown[]) => unknown,
): unknown {
  let gradOutput: (Tensor | null)[] = [];
  const callHooks = (given: (Tensor | null)[]): HookGradients => {
    let gradInput: HookGradients = given;
    for (const hook of hooks) {
      // Tensors of its own for each hook, which may `keep` them.
      const replaced = synchronous(hook(module, ownOf(gradInput), ownOf(gradOutput)));
      if (!isGiven(replaced)) continue;
      if (!Array.isArray(replaced) || replaced.length !== given.length)
        throw new ArgumentError(
          `registerFullBackwardHook: expected ${given.length} gradients, one for each tensor ` +
            `among the arguments, got ${Array.isArray(replaced) ? replaced.length : 'none'}`,
        );
      gradInput = replaced;
    }
    for (const gradient of gradOutput) gradient?.dispose();
    gradOutput = [];
    return gradInput;
  };
  const inputs = identity(args, `${module.constructor.name} inputs`, callHooks);
  const result = run(inputs.values);
  const isList = Array.isArray(result);
  const isObject = !isList && isPlainObject(result);
  const list = isList ? result : isObject ? Object.values(result as object) : [result];
  const outputs = identity(list, `${module.constructor.name} results`, (gradients) => {
    gradOutput = gradients.map((gradient) => gradient && keep(gradient.detach()));
    if (!inputs.isRecorded) callHooks(inputs.none);
    return gradients;
  });
  if (isList) return outputs.values;
  if (!isObject) return outputs.values[0];
  const keys = Object.keys(result as object);
  return Object.fromEntries(keys.map((key, i) => [key, outputs.values[i]]));
}

/** The same gradients as other tensors. */
const ownOf = (gradients: HookGradients): HookGradients =>
  gradients.map((gradient) => gradient?.detach() ?? null);

const isPlainObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/**
 * The same values, with tensors that require a gradient as views. `onBackward` gets a gradient for
 * each tensor among the values, and may replace it.
 */
function identity(
  values: readonly unknown[],
  name: string,
  onBackward: (gradients: (Tensor | null)[]) => HookGradients,
) {
  const tensors = values.filter((value) => value instanceof Tensor);
  const recorded = tensors.filter((tensor) => tensor.requiresGrad);
  const views = recorded.map((tensor) => tensor.detach());
  recordAll(name, views, recorded, (...gradients) => {
    const given = gradients.values();
    const replaced = onBackward(
      tensors.map((tensor) => (recorded.includes(tensor) ? given.next().value! : null)),
    );
    return ownOf(replaced).filter((_, i) => recorded.includes(tensors[i]));
  });
  const next = views.values();
  return {
    values: values.map((value) =>
      value instanceof Tensor && value.requiresGrad ? next.next().value! : value,
    ),
    isRecorded: views.some((view) => view.requiresGrad),
    none: tensors.map(() => null),
  };
}
