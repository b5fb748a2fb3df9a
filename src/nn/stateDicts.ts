import { ArgumentError } from '../platform/errors.ts';
import type { Tensor } from '../tensor/index.ts';

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

/** What does not fit between values and the tensors of a module; `aliases` are second names. */
export function stateProblems(
  state: ReadonlyMap<string, StateValue>,
  own: ReadonlyMap<string, Tensor>,
  aliases: ReadonlySet<string>,
): string[] {
  const problems: string[] = [];
  for (const [name, tensor] of own) {
    const source = state.get(name);
    if (!source) problems.push(`${name} is missing`);
    else if (source.shape.join() !== tensor.shape.join()) {
      problems.push(
        `${name}: expected shape [${tensor.shape.join(', ')}], ` +
          `got [${source.shape.join(', ')}]`,
      );
    }
  }
  for (const name of state.keys())
    if (!own.has(name) && !aliases.has(name)) problems.push(`${name} is not expected`);
  return problems;
}
