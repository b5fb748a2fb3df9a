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

/** The parts of `joinParts`, in order. */
export function splitParts(inputs: Record<string, Tensor>): Record<string, Tensor>[] {
  const parts: Record<string, Tensor>[] = [];
  for (const [name, input] of Object.entries(inputs)) {
    const { part = 0, field = name } = /^(?<part>\d+)\.(?<field>.+)$/.exec(name)?.groups ?? {};
    parts[Number(part)] = { ...parts[Number(part)], [field]: input };
  }
  return parts;
}

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
