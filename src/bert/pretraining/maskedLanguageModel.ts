import { UsageError } from '../../platform/errors.ts';
import { IGNORE_INDEX } from '../../tensor/index.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { type ExampleKey, exampleRandom, MASKING_STREAM } from './draw.ts';

export interface MaskingOptions {
  /** Share of the tokens to predict; above 0, below 1. Default 0.15. */
  mlmProbability?: number;
  /** Mask all pieces of a word or none. Default false. */
  wholeWordMask?: boolean;
}

/** A row to predict tokens of. */
export interface MaskedTokens {
  /** The row as the model gets to see it. */
  inputIds: number[];
  /** The tokens to predict, -100 everywhere else; as long as the row. */
  labels: number[];
  /** Where they are, in order; then 0 for each slot that is left. Rows of one length have one number of slots. */
  maskedPositions: number[];
  /** The labels there; -100 for each slot that is left. */
  maskedLabels: number[];
}

/**
 * Chooses the tokens to predict in a row (Devlin et al. 2019, section 3.1 and appendix A.1): of those chosen, 80 % become
 * `[MASK]`, 10 % a random token, 10 % stay. Special tokens, `[UNK]` and padding too, are never chosen and never drawn.
 *
 * Like Google's code, and unlike Hugging Face's, which decides on each token by itself, it fixes how many are chosen:
 * 15 % of the row's tokens, at least one, rounded up or down at random so that 15 % is what comes out on average. So
 * `ceil(0.15 · length)` slots always do, and masked positions can be gathered in a shape that never changes.
 */
export class TokenMasker {
  readonly #probability: number;
  readonly #wholeWords: boolean;
  readonly #maskId: number;
  readonly #isSpecial: Uint8Array;
  readonly #isContinuation: Uint8Array;
  readonly #ordinaryIds: Uint32Array;

  /** @throws UsageError on a bad option, or a vocabulary of special tokens alone. */
  constructor(
    tokenizer: BertTokenizer,
    { mlmProbability = 0.15, wholeWordMask = false }: MaskingOptions = {},
  ) {
    if (!(mlmProbability > 0 && mlmProbability < 1))
      throw new UsageError(
        `mlmProbability is ${mlmProbability}; expected a number above 0 and below 1`,
      );
    this.#probability = mlmProbability;
    this.#wholeWords = wholeWordMask;
    this.#maskId = tokenizer.maskTokenId;
    // Special is what decoding can leave out; blank tokens, which no text has, come along.
    const ids = Uint32Array.from({ length: tokenizer.length }, (_, id) => id);
    this.#isSpecial = Uint8Array.from(
      ids,
      (id) => +(tokenizer.decode([id], { skipSpecialTokens: true }) === ''),
    );
    this.#isContinuation = Uint8Array.from(
      ids,
      (id) => +tokenizer.convertIdsToTokens(id).startsWith('##'),
    );
    this.#ordinaryIds = ids.filter((id) => !this.#isSpecial[id]);
    if (this.#ordinaryIds.length === 0)
      throw new UsageError('the vocabulary has special tokens alone; there is nothing to predict');
  }

  /**
   * Masks a row, padded or not; pad rows first where all are to have the same number of slots.
   * @throws UsageError on an id that is not in the vocabulary, ArgumentError on a bad `key`.
   */
  maskTokens(inputIds: ArrayLike<number>, key: ExampleKey): MaskedTokens {
    const random = exampleRandom(MASKING_STREAM, key);
    const ids = Array.from(inputIds);
    const words = this.#maskableWords(ids);
    const slots = Math.ceil(this.#probability * ids.length);
    const tokens = words.reduce((sum, word) => sum + word.length, 0);
    const wanted = Math.min(
      slots,
      Math.max(1, Math.floor(this.#probability * tokens + random.uniform())),
    );

    const chosen: number[] = [];
    for (const word of random.shuffle(words)) {
      if (chosen.length === wanted) break;
      // A word too long for what is left is passed over.
      if (chosen.length + word.length <= wanted) chosen.push(...word);
    }
    chosen.sort((a, b) => a - b);

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

  /** The positions that can be chosen, as lists of those that are chosen together. */
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
