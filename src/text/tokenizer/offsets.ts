/** Where the UTF-16 units of a text come from: `[starts[i], ends[i])` of its original made unit i. */
export interface Places {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** A text made from another. */
export interface Traced {
  readonly text: string;
  /** `null`: each unit where it stands, or nobody asked. */
  readonly places: Places | null;
}

/** Where in the original `[start, end)` of a text comes from. */
export const placeOf = (places: Places | null, start: number, end: number): [number, number] =>
  places ? [places.starts[start], places.ends[end - 1]] : [start, end];

/** Replaces each code point, unless `replace` gives `null`; `at` is its place in the text. Keeps places if `asked`. */
export function rewrite(
  { text, places }: Traced,
  asked: boolean,
  replace: (codePoint: number, at: number) => string | null,
): Traced {
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
    if (asked) {
      const [start, end] = placeOf(places, at, next);
      for (let length = piece?.length ?? next - at; length > 0; length--) {
        starts.push(start);
        ends.push(end);
      }
    }
    at = next;
  }
  if (copied < text.length) parts.push(text.slice(copied));
  return { text: parts.join(''), places: asked ? { starts, ends } : null };
}

/** Puts the units of each match of a pattern in another order: each then comes from the whole match. */
export function reorder(
  { text, places }: Traced,
  asked: boolean,
  pattern: RegExp,
  order: (run: string) => string,
): Traced {
  const ordered = text.replace(pattern, order);
  if (!asked || ordered === text) return { text: ordered, places };
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = 0; at < text.length; at++) [starts[at], ends[at]] = placeOf(places, at, at + 1);
  for (const { 0: run, index } of text.matchAll(pattern)) {
    const end = index + run.length;
    if (ordered.startsWith(run, index)) continue;
    const [from, to] = placeOf(places, index, end);
    starts.fill(from, index, end);
    ends.fill(to, index, end);
  }
  return { text: ordered, places: { starts, ends } };
}
