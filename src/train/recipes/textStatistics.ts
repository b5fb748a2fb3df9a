import type { BertTokenizer } from '../../text/tokenizer/index.ts';

/** Statistics of texts that are seen one by one and not kept. */

export interface LengthStatistics {
  /** Of special tokens too. */
  unit: 'tokens' | 'characters';
  /** Texts that were measured: pairs count as one, except for similarity. */
  texts: number;
  min: number;
  median: number;
  /** Length that 95 % of the texts do not exceed. */
  p95: number;
  max: number;
  mean: number;
  /** The longest that is not cut, and the number of texts that are longer. Only of tokens. */
  maxLength?: number;
  cut?: number;
}

/** Counts how often each length occurs. */
export class Lengths {
  readonly #tokenizer: BertTokenizer | undefined;
  readonly #maxLength: number | undefined;
  readonly #counts = new Map<number, number>();

  /** @param maxLength the most tokens of a text that is not cut; undefined if none is */
  constructor(tokenizer: BertTokenizer | undefined, maxLength: number | undefined) {
    this.#tokenizer = tokenizer;
    this.#maxLength = maxLength;
  }

  /**
   * Adds a text by its words or parts.
   * @param special number of special tokens
   * @returns the ids of its pieces, if there is a tokenizer.
   */
  add(texts: readonly string[], special: number): number[] {
    const tokenizer = this.#tokenizer;
    const ids = tokenizer
      ? texts.flatMap((text) => tokenizer.convertTokensToIds(tokenizer.tokenize(text)))
      : [];
    const length = tokenizer
      ? ids.length + special
      : texts.reduce((sum, text) => sum + text.length, texts.length - 1);
    this.#counts.set(length, (this.#counts.get(length) ?? 0) + 1);
    return ids;
  }

  result(): LengthStatistics {
    const sorted = [...this.#counts].sort(([a], [b]) => a - b);
    const texts = sorted.reduce((sum, [, count]) => sum + count, 0);
    const total = sorted.reduce((sum, [length, count]) => sum + length * count, 0);
    const quantile = (share: number): number => {
      let seen = 0;
      for (const [length, count] of sorted) {
        seen += count;
        if (seen >= share * texts) return length;
      }
      return 0;
    };
    const maxLength = this.#maxLength;
    const longer = sorted.filter(([length]) => maxLength !== undefined && length > maxLength);
    return {
      unit: this.#tokenizer ? 'tokens' : 'characters',
      texts,
      ...{ min: sorted[0]?.[0] ?? 0, median: quantile(0.5), p95: quantile(0.95) },
      ...{ max: sorted.at(-1)?.[0] ?? 0, mean: texts === 0 ? 0 : total / texts },
      ...(this.#tokenizer &&
        maxLength !== undefined && {
          maxLength,
          cut: longer.reduce((sum, [, count]) => sum + count, 0),
        }),
    };
  }
}

export interface UnknownStatistics {
  /** Pieces of all texts, special tokens not included, and those that are [UNK]. */
  pieces: number;
  unknown: number;
  /** Characters that the vocabulary lacks, the most frequent first. */
  characters: { character: string; count: number }[];
}

const MAX_CHARACTERS = 10;

/** Counts unknown pieces, and characters that are unknown on their own. */
export class UnknownCharacters {
  readonly #tokenizer: BertTokenizer;
  readonly #isUnknown = new Map<string, boolean>();
  readonly #counts = new Map<string, number>();
  #pieces = 0;
  #unknown = 0;

  constructor(tokenizer: BertTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** @param ids of the pieces of `texts` */
  add(texts: readonly string[], ids: readonly number[]): void {
    const unknown = ids.filter((id) => id === this.#tokenizer.unkTokenId).length;
    this.#pieces += ids.length;
    this.#unknown += unknown;
    if (unknown === 0) return;
    for (const text of texts)
      for (const character of text)
        if (this.#lacks(character))
          this.#counts.set(character, (this.#counts.get(character) ?? 0) + 1);
  }

  #lacks(character: string): boolean {
    const known = this.#isUnknown.get(character);
    if (known !== undefined) return known;
    const ids = this.#tokenizer.convertTokensToIds(this.#tokenizer.tokenize(character));
    const lacks = ids.includes(this.#tokenizer.unkTokenId);
    this.#isUnknown.set(character, lacks);
    return lacks;
  }

  result(): UnknownStatistics {
    const characters = [...this.#counts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, MAX_CHARACTERS)
      .map(([character, count]) => ({ character, count }));
    return { pieces: this.#pieces, unknown: this.#unknown, characters };
  }
}

/** Finds texts that were seen before, by a hash of 53 bits. */
export class TextIndex {
  /** Places in the lists below, by hash. One map holds 16 million at most. */
  readonly #maps = Array.from({ length: 16 }, () => new Map<number, number>());
  readonly #lines: number[] = [];
  /** Number of the label of each text; negative if it has none, or once it has another too. */
  readonly #labels: number[] = [];
  readonly #isRepeated: boolean[] = [];
  readonly #labelIds = new Map<string, number>();
  readonly #labelNames: string[] = [];

  /**
   * Adds a text.
   * @returns the first row of the same text, if there is one; whether this is its second row, and
   * the first with another label.
   */
  add(
    text: string,
    line: number,
    label: string | undefined,
  ): { line: number; label: string; isSecond: boolean; isConflict: boolean } | undefined {
    const key = hash53(text);
    const map = this.#maps[key % 16];
    const at = map.get(key);
    const id = label === undefined ? NO_LABEL : this.#labelId(label);
    if (at === undefined) {
      map.set(key, this.#lines.length);
      this.#lines.push(line);
      this.#labels.push(id);
      this.#isRepeated.push(false);
      return undefined;
    }
    const first = this.#labels[at];
    const isConflict = first !== NO_LABEL && id !== NO_LABEL && first !== id;
    if (isConflict) this.#labels[at] = NO_LABEL;
    const isSecond = !this.#isRepeated[at];
    this.#isRepeated[at] = true;
    return {
      line: this.#lines[at],
      label: this.#labelNames[first] ?? '',
      ...{ isSecond, isConflict },
    };
  }

  /** A number for a label. Of many different ones, as scores and sentences of tags are, a hash. */
  #labelId(label: string): number {
    const id = this.#labelIds.get(label);
    if (id !== undefined) return id;
    if (this.#labelNames.length >= MAX_LABEL_NAMES) return MAX_LABEL_NAMES + hash53(label);
    this.#labelIds.set(label, this.#labelNames.length);
    return this.#labelNames.push(label) - 1;
  }

  /** The lines of texts that another index has too. */
  *inBoth(other: TextIndex): Generator<[number, number]> {
    for (const [i, map] of this.#maps.entries())
      for (const [key, at] of map) {
        const there = other.#maps[i].get(key);
        if (there !== undefined) yield [this.#lines[at], other.#lines[there]];
      }
  }
}

const NO_LABEL = -1;
const MAX_LABEL_NAMES = 10_000;

/** A hash of 53 bits (cyrb53). Two of a million texts have the same in one of 18,000 files. */
function hash53(text: string): number {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}
