import { collectGarbage } from '../../platform/garbage.ts';

/** Items that are sorted by length together, in batches, and the most characters they may have. */
const BATCHES_PER_WINDOW = 16;
const WINDOW_CHARACTERS = 2 ** 20;
/** Characters after which garbage is collected, and what an item leaves besides its own. */
const COLLECTION_CHARACTERS = 2 ** 21;
const ITEM_CHARACTERS = 256;

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
  let garbage = 0;
  for await (const item of items) {
    const length = lengthOf(item);
    window.push(item);
    characters += length;
    garbage += length + ITEM_CHARACTERS;
    if (window.length < batchSize * BATCHES_PER_WINDOW && characters < WINDOW_CHARACTERS) continue;
    yield window;
    window = [];
    characters = 0;
    // Left alone, the heap grows to several times what is in use.
    if (garbage >= COLLECTION_CHARACTERS) {
      collectGarbage();
      garbage = 0;
    }
  }
  if (window.length > 0) yield window;
}
