import { UsageError } from '../../platform/errors.ts';
import { IGNORE_INDEX } from '../../tensor/index.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { type ExampleKey, exampleRandom, MASKING_STREAM } from './draw.ts';

/** Options of `TokenMasker`. */
export interface MaskingOptions {
  /** Share of the tokens to predict, or of the words; above 0, below 1. Default 0.15. */
  mlmProbability?: number;
  /** Choose words, and mask all pieces of each. Default false. */
  wholeWordMask?: boolean;
}

/** A masked row and its labels. */
export interface MaskedTokens {
  /** The row as the model sees it. */
  inputIds: number[];
  /** Token to predict at each position, -100 elsewhere. */
  labels: number[];
  /**
   * Positions to predict in order, then 0 for unused slots. Rows of one length have equal slots.
   */
  maskedPositions: number[];
  /** Labels of these positions; -100 for unused slots. */
  maskedLabels: number[];
}

/** Slots for words of more pieces than an even share: 15 % of the words may be longer ones. */
const WHOLE_WORD_SLOTS = 6;

/**
 * Chooses the tokens to predict in a row (Devlin et al. 2019, §3.1 and appendix A.1): 80 % of them
 * become `[MASK]`, 10 % a random token, 10 % stay. Special tokens, including `[UNK]` and padding,
 * are neither chosen nor drawn.
 *
 * Like Google's code, it fixes how many tokens are chosen: 15 % of the row, at least one, rounded
 * up or down at random so that the average is 15 %. (Hugging Face decides for each token
 * separately.) So `ceil(0.15 · length)` slots always suffice, and masked positions have a constant
 * shape.
 *
 * With `wholeWordMask` it is 15 % of the words, each as likely as the others however many pieces it
 * has, in `ceil(0.15 · length) + 6` slots. A word that the slots no longer hold is passed over; the
 * first is cut to them, so that a row with words is never without a token to predict.
 * @example
 * const masker = new TokenMasker(tokenizer, { wholeWordMask: true });
 * const { inputIds, labels } = masker.maskTokens([2, 9, 12, 3], { seed: 0, epoch: 0, example: 0 });
 */
export class TokenMasker {
  readonly #probability: number;
  readonly #wholeWords: boolean;
  readonly #maskId: number;
  readonly #isSpecial: Uint8Array;
  readonly #isContinuation: Uint8Array;
  readonly #ordinaryIds: Uint32Array;

  /** @throws UsageError for an option out of range, or a vocabulary of special tokens only. */
  constructor(
    tokenizer: BertTokenizer,
    { mlmProbability = 0.15, wholeWordMask = false }: MaskingOptions = {},
  ) {
    if (!(mlmProbability > 0 && mlmProbability < 1))
      throw new UsageError(
        `\`mlmProbability\`: expected a number above 0 and below 1, got ${mlmProbability}`,
      );
    this.#probability = mlmProbability;
    this.#wholeWords = wholeWordMask;
    this.#maskId = tokenizer.maskTokenId;
    // Special tokens are those that decoding can skip; so are blank ones, which no text has.
    const ids = Uint32Array.from({ length: tokenizer.length }, (_, id) => id);
    this.#isSpecial = Uint8Array.from(
      ids,
      (id) => +(tokenizer.decode([id], { skipSpecialTokens: true }) === ''),
    );
    const { continuingSubwordPrefix: prefix } = tokenizer;
    if (wholeWordMask && prefix === '')
      throw new UsageError(
        '`wholeWordMask`: expected a tokenizer with a `continuingSubwordPrefix`, got "": ' +
          'without one nobody can tell which pieces are of one word',
      );
    this.#isContinuation = Uint8Array.from(
      ids,
      (id) => +tokenizer.convertIdsToTokens(id).startsWith(prefix),
    );
    this.#ordinaryIds = ids.filter((id) => !this.#isSpecial[id]);
    if (this.#ordinaryIds.length === 0)
      throw new UsageError('expected a vocabulary with words to predict, got special tokens only');
  }

  /**
   * Masks a row, padded or not. Pad rows first to give all of them the same number of slots.
   * @throws UsageError for an id outside the vocabulary, ArgumentError for a `key` out of range.
   */
  maskTokens(inputIds: ArrayLike<number>, key: ExampleKey): MaskedTokens {
    const random = exampleRandom(MASKING_STREAM, key);
    const ids = Array.from(inputIds);
    const words = this.#maskableWords(ids);
    const slots = Math.min(
      ids.length,
      Math.ceil(this.#probability * ids.length) + (this.#wholeWords ? WHOLE_WORD_SLOTS : 0),
    );
    const wanted = Math.max(1, Math.floor(this.#probability * words.length + random.uniform()));
    const chosen = firstWords(random.shuffle(words), wanted, slots).sort((a, b) => a - b);

    const labels = new Array<number>(ids.length).fill(IGNORE_INDEX);
    for (const at of chosen) {
      labels[at] = ids[at];
      const roll = random.uniform();
      if (roll < 0.8) ids[at] = this.#maskId;
      else if (roll < 0.9) ids[at] = this.#ordinaryIds[random.randint(this.#ordinaryIds.length)];
    }
    const padToSlots = (values: number[], rest: number) => [
      ...values,
      ...new Array<number>(slots - values.length).fill(rest),
    ];
    return {
      inputIds: ids,
      labels,
      maskedPositions: padToSlots(chosen, 0),
      maskedLabels: padToSlots(
        chosen.map((at) => labels[at]),
        IGNORE_INDEX,
      ),
    };
  }

  /** Positions that can be chosen, one by one or grouped by word where whole words are masked. */
  #maskableWords(ids: readonly number[]): number[][] {
    const words: number[][] = [];
    let isOpen = false;
    ids.forEach((id, at) => {
      if (!(id in this.#isSpecial))
        throw new UsageError(
          `id ${id} is not in the vocabulary; expected 0 to ${this.#isSpecial.length - 1}`,
        );
      if (this.#isSpecial[id]) isOpen = false;
      else if (isOpen && this.#wholeWords && this.#isContinuation[id]) words.at(-1)!.push(at);
      else {
        words.push([at]);
        isOpen = true;
      }
    });
    return words;
  }
}

/** Positions of the first `wanted` words, at most `slots`. */
function firstWords(words: readonly number[][], wanted: number, slots: number): number[] {
  const chosen: number[] = [];
  let count = 0;
  for (const word of words) {
    if (count === wanted) break;
    const free = slots - chosen.length;
    // A word that no longer fits is passed over, but the first is cut.
    if (word.length > free && count > 0) continue;
    chosen.push(...word.slice(0, free));
    count++;
  }
  return chosen;
}
