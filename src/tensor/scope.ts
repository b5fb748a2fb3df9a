import { ArgumentError } from '../platform/errors.ts';

/** What a scope frees: anything with `dispose`; a gradient lives as long as its tensor. */
interface HasDispose {
  dispose(): void;
  readonly grad?: HasDispose | null;
}

const scopes: Set<HasDispose>[] = [];

/** Adds a new tensor to the innermost scope. */
export function track(tensor: HasDispose): void {
  if (scopes.length > 0) scopes[scopes.length - 1].add(tensor);
}

/** Whether tensors made now belong to a scope. */
export const isScoped = (): boolean => scopes.length > 0;

/**
 * Takes a tensor out of all scopes: it lives until it is disposed or collected. Returns it.
 * @example
 * const average = scope(() => keep(x.mean(0))); // lives on after the scope
 */
export function keep<T extends HasDispose>(tensor: T): T {
  for (const scope of scopes) scope.delete(tensor);
  if (tensor.grad) keep(tensor.grad);
  return tensor;
}

/** Puts a tensor into the scope of another one, or takes it out of all if that is in none. */
export function keepWith<T extends HasDispose>(tensor: T, owner: HasDispose): T {
  keep(tensor);
  scopes.find((scope) => scope.has(owner))?.add(tensor);
  return tensor;
}

/**
 * Runs `body` and frees every tensor made in it, except those that it returns (alone, in an array
 * or in an object), which pass to the enclosing scope. TensorFlow.js calls this `tidy`. `body` must
 * not be async: the scope would also free tensors that others make in the meantime.
 * @throws ArgumentError if `body` returns a promise.
 * @example
 * const loss = scope(() => model.forward(x).square().mean()); // frees what lies between
 */
export function scope<T>(body: () => T): T {
  const made = new Set<HasDispose>();
  scopes.push(made);
  let result: T;
  try {
    result = body();
    if (result instanceof Promise)
      throw new ArgumentError('scope: the function must not be async; await outside the scope');
  } catch (error) {
    scopes.pop();
    for (const tensor of made) tensor.dispose();
    throw error;
  }
  scopes.pop();
  const returned = disposablesIn(result);
  for (const tensor of made) {
    if (returned.has(tensor)) track(tensor);
    else tensor.dispose();
  }
  return result;
}

function disposablesIn(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (value === null || typeof value !== 'object') return found;
  if ('dispose' in value) found.add(value).add((value as HasDispose).grad);
  else if (Array.isArray(value)) for (const item of value) disposablesIn(item, found);
  else for (const item of Object.values(value)) disposablesIn(item, found);
  return found;
}
