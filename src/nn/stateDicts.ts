import { ArgumentError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { noGrad, scope, Tensor } from '../tensor/index.ts';
import { formatShape } from '../tensor/shape.ts';

/** Values for a tensor of a state dict: a tensor on the same device, or elements on the host. */
export type StateValue = Tensor | { shape: readonly number[]; data: Float32Array };

/**
 * Each tensor once, under its first name.
 * @throws ArgumentError if two tensors have one name.
 */
export function unique(named: Iterable<[string, Tensor]>): [string, Tensor][] {
  const names = new Map<string, Tensor>();
  const seen = new Set<Tensor>();
  for (const [name, tensor] of named) {
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    if (names.has(name))
      throw new ArgumentError(
        `${name}: two tensors have this name in the state dict: rename one of their fields`,
      );
    names.set(name, tensor);
  }
  return [...names];
}

/** Names of a state dict that a module lacks, and the other way round. */
export interface IncompatibleKeys {
  missingKeys: string[];
  unexpectedKeys: string[];
}

/**
 * Copies values into the tensors of a module, each from the first of its names that has one.
 * `named`: the tensors, tied ones under each of their names.
 * @throws ArgumentError if a shape differs, or, if `strict`, names are missing or unexpected.
 */
export function loadState(
  state: ReadonlyMap<string, StateValue>,
  named: readonly [string, Tensor][],
  strict: boolean,
): IncompatibleKeys {
  if (typeof state?.get !== 'function')
    throw new ArgumentError(
      'loadStateDict: expected a Map of names and tensors, got ' +
        `${state === null ? 'null' : typeof state}: \`new Map(Object.entries(state))\` makes one ` +
        'of an object',
    );
  const given = named.filter(([name]) => state.has(name));
  const found = new Map(given.toReversed().map(([name, tensor]) => [tensor, state.get(name)!]));
  const missingKeys = unique(named).flatMap(([name, tensor]) => (found.has(tensor) ? [] : name));
  const names = new Set(named.map(([name]) => name));
  const unexpectedKeys = [...state.keys()].filter((name) => !names.has(name));
  const problems = given.flatMap(([name, { shape, size }]) => {
    const source = state.get(name)!;
    const got = source.shape ? formatShape(source.shape) : formatValue(source);
    if (got !== formatShape(shape))
      return `${name}: expected shape ${formatShape(shape)}, got ${got}`;
    if (source instanceof Tensor || source.data.length === size) return [];
    return `${name}: expected ${size} numbers for shape ${got}, got ${source.data.length}`;
  });
  if (strict) {
    problems.unshift(...missingKeys.map((name) => `${name} is missing`));
    problems.push(...unexpectedKeys.map((name) => `${name} is not expected`));
  }
  if (problems.length > 0) throw new ArgumentError(`loadStateDict: ${problems.join('; ')}`);
  noGrad(() =>
    scope(() => {
      for (const [tensor, source] of found)
        tensor.copy_(source instanceof Tensor ? source : source.data);
    }),
  );
  return { missingKeys, unexpectedKeys };
}

/** Members in a value; those of containers have their place or key in the name. */
export function* membersOf<M>(
  name: string,
  value: unknown,
  isMember: (value: unknown) => value is M,
  seen = new Set<unknown>(),
): Generator<[string, M]> {
  if (isMember(value)) yield [name, value];
  if (!isContainer(value) || seen.has(value)) return;
  seen.add(value);
  const entries = value instanceof Map ? value : value.entries();
  for (const [key, item] of entries) yield* membersOf(`${name}.${key}`, item, isMember, seen);
}

const isContainer = (value: unknown): value is unknown[] | Map<unknown, unknown> =>
  Array.isArray(value) || value instanceof Map;
