/**
 * Gradient accumulation: an optimizer step sees several parts of a batch, one after the other. The
 * loss of each is scaled by its share of the batch's labels, so that the gradients add up to those
 * of the whole batch.
 */
import type { HostTensor, Tensor } from '../../tensor/index.ts';

/** A share as an input of a step. */
export const shareInput = (share: number): HostTensor => ({
  data: Float32Array.of(share),
  shape: [],
});

/** The inputs of several parts under names such as `0.inputIds`; those of one part as they are. */
export const joinParts = (
  parts: readonly Record<string, HostTensor>[],
): Record<string, HostTensor> =>
  parts.length === 1
    ? parts[0]
    : Object.fromEntries(
        parts.flatMap((part, i) =>
          Object.entries(part).map(([name, input]) => [`${i}.${name}`, input]),
        ),
      );

/** The number of the part that an input of `joinParts` belongs to, and its name there. */
function partOfInput(name: string): { part: number; field: string } {
  const { part = 0, field = name } = /^(?<part>\d+)\.(?<field>.+)$/.exec(name)?.groups ?? {};
  return { part: Number(part), field };
}

/** The parts of `joinParts` with their numbers, in order. */
export function splitParts(
  inputs: Record<string, Tensor>,
): { part: number; inputs: Record<string, Tensor> }[] {
  const parts = new Map<number, Record<string, Tensor>>();
  for (const [name, input] of Object.entries(inputs)) {
    const { part, field } = partOfInput(name);
    parts.set(part, { ...parts.get(part), [field]: input });
  }
  return Array.from(parts, ([part, of]) => ({ part, inputs: of }));
}

/** How many parts `joinParts` joined. */
export const countParts = (inputs: Record<string, HostTensor>): number =>
  1 + Object.keys(inputs).reduce((last, name) => Math.max(last, partOfInput(name).part), 0);

/** The inputs of the parts from `begin` to before `end`, under the same names. */
export const selectParts = (
  inputs: Record<string, HostTensor>,
  { begin, end }: { begin: number; end: number },
): Record<string, HostTensor> =>
  Object.fromEntries(
    Object.entries(inputs).filter(([name]) => {
      const { part } = partOfInput(name);
      return part >= begin && part < end;
    }),
  );

/** Rows `begin` to `end` of the inputs of a batch. */
export const rowsOf = (
  inputs: Record<string, HostTensor>,
  begin: number,
  end: number,
): Record<string, HostTensor> =>
  Object.fromEntries(
    Object.entries(inputs).map(
      ([
        name,
        {
          data,
          shape: [rows, ...rest],
        },
      ]) => {
        const width = data.length / rows;
        const part = data.slice(begin * width, end * width) as HostTensor['data'];
        return [name, { data: part, shape: [end - begin, ...rest] }];
      },
    ),
  );
