import { ArgumentError } from '../platform/errors.ts';
import { noGrad, scope, Tensor } from '../tensor/index.ts';

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
 * Copies values into the tensors of a module; `aliases` are second names of some.
 * @throws ArgumentError if a shape differs, or, if `strict`, names are missing or unexpected.
 */
export function loadState(
  state: ReadonlyMap<string, StateValue>,
  own: ReadonlyMap<string, Tensor>,
  aliases: ReadonlySet<string>,
  strict: boolean,
): IncompatibleKeys {
  const missingKeys = [...own.keys()].filter((name) => !state.has(name));
  const unexpectedKeys = [...state.keys()].filter((name) => !own.has(name) && !aliases.has(name));
  const problems = [...own].flatMap(([name, { shape }]) => {
    const source = state.get(name);
    if (!source) return strict ? [`${name} is missing`] : [];
    if (source.shape.join() === shape.join()) return [];
    return `${name}: expected shape [${shape.join(', ')}], got [${source.shape.join(', ')}]`;
  });
  if (strict) problems.push(...unexpectedKeys.map((name) => `${name} is not expected`));
  if (problems.length > 0) throw new ArgumentError(`loadStateDict: ${problems.join('; ')}`);
  noGrad(() =>
    scope(() => {
      for (const [name, tensor] of own) {
        const source = state.get(name);
        if (source) tensor.copy_(source instanceof Tensor ? source : source.data);
      }
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
