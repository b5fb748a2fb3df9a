/** Items that are sorted by length together, in batches, and the most characters they may have. */
const BATCHES_PER_WINDOW = 16;
const WINDOW_CHARACTERS = 2 ** 22;

/**
 * Items in parts, each for a few batches, so that memory is bounded.
 * @param lengthOf characters of an item
 */
export async function* windows<T>(
  items: Iterable<T> | AsyncIterable<T>,
  batchSize: number,
  lengthOf: (item: T) => number,
): AsyncGenerator<T[]> {
  let window: T[] = [];
  let characters = 0;
  for await (const item of items) {
    window.push(item);
    characters += lengthOf(item);
    if (window.length < batchSize * BATCHES_PER_WINDOW && characters < WINDOW_CHARACTERS) continue;
    yield window;
    window = [];
    characters = 0;
  }
  if (window.length > 0) yield window;
}
