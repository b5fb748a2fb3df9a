/**
 * Origins of the UTF-16 units of a text: unit i comes from `[starts[i], ends[i])` of the original.
 */
export interface Offsets {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** A text that was made from an original. */
export interface TextWithOffsets {
  readonly text: string;
  /** Null if the text is the original, or offsets were not requested. */
  readonly offsets: Offsets | null;
}

/** The range of the original that the range `[start, end)` of a text comes from. */
export const originalSpan = (
  offsets: Offsets | null,
  start: number,
  end: number,
): [number, number] => (offsets ? [offsets.starts[start], offsets.ends[end - 1]] : [start, end]);

/**
 * Replaces code points; computes offsets if `withOffsets`.
 * @param replace gets a code point and its index in the text; null keeps it
 */
export function replaceCharacters(
  { text, offsets }: TextWithOffsets,
  withOffsets: boolean,
  replace: (codePoint: number, at: number) => string | null,
): TextWithOffsets {
  const parts: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at)!;
    const next = at + (codePoint > 0xffff ? 2 : 1);
    const piece = replace(codePoint, at);
    if (piece !== null) {
      if (at > copied) parts.push(text.slice(copied, at));
      parts.push(piece);
      copied = next;
    }
    if (withOffsets) {
      const [start, end] = originalSpan(offsets, at, next);
      for (let length = piece?.length ?? next - at; length > 0; length--) {
        starts.push(start);
        ends.push(end);
      }
    }
    at = next;
  }
  if (copied < text.length) parts.push(text.slice(copied));
  return { text: parts.join(''), offsets: withOffsets ? { starts, ends } : null };
}

/** Reorders the units of each match of a pattern; each unit then comes from the whole match. */
export function reorderRuns(
  { text, offsets }: TextWithOffsets,
  withOffsets: boolean,
  pattern: RegExp,
  order: (run: string) => string,
): TextWithOffsets {
  const ordered = text.replace(pattern, order);
  if (!withOffsets || ordered === text) return { text: ordered, offsets };
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = 0; at < text.length; at++)
    [starts[at], ends[at]] = originalSpan(offsets, at, at + 1);
  for (const { 0: run, index } of text.matchAll(pattern)) {
    const end = index + run.length;
    if (ordered.startsWith(run, index)) continue;
    const [from, to] = originalSpan(offsets, index, end);
    starts.fill(from, index, end);
    ends.fill(to, index, end);
  }
  return { text: ordered, offsets: { starts, ends } };
}
