import { nextSentenceExamples, TokenMasker } from '../../bert/pretraining/index.ts';
import { architectures } from '../../bert/registry.ts';
import { ArgumentError, UsageError } from '../../platform/errors.ts';
import { type HostTensor, IGNORE_INDEX } from '../../tensor/index.ts';
import { Philox } from '../../tensor/random.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import {
  collateInputs,
  countTokens,
  type EncodedExample,
  PAD_TO_MULTIPLE_OF,
} from '../data/batch.ts';
import { batches } from '../data/split.ts';
import type { Document } from './corpus.ts';

const pretraining = architectures.filter((entry) => 'objective' in entry);
type PretrainingEntry = (typeof pretraining)[number];
/** What a model is pre-trained for: BERT's objectives, or that of a baseline. */
export type Objective = PretrainingEntry['objective'];

/** What BERT is pre-trained for: masked tokens (`mlm`), next sentences (`nsp`) or both. */
export const objectives = pretraining
  .filter((entry) => entry.family === 'bert')
  .map(({ objective }) => objective);

/**
 * What masked tokens are compared with: word vectors (CBOW, skip-gram), left context, and left and
 * right context joined (Transformers or LSTMs).
 */
export const baselines = pretraining
  .filter((entry) => entry.family !== 'bert')
  .map(({ objective }) => objective);

/** Class of each objective. */
export const pretrainModels = Object.fromEntries(
  pretraining.map(({ objective, Model }) => [objective, Model]),
) as { [O in Objective]: Extract<PretrainingEntry, { objective: O }>['Model'] };

/** A model that can be pre-trained. */
export type PretrainModel = InstanceType<(typeof pretrainModels)[Objective]>;

/** True for objectives with next sentence prediction, whose examples are pairs. */
export const usesSentencePairs = (objective: Objective): boolean =>
  objective === 'nsp' || objective === 'mlm+nsp';

/** @throws ArgumentError when the model has no pre-training objective. */
export function objectiveOf({ architecture }: PretrainModel): Objective {
  const found = pretraining.find(({ Model }) => Model.architecture === architecture);
  if (!found)
    throw new ArgumentError(
      `model: expected one of ${pretraining.map(({ Model }) => Model.architecture).join(', ')}, ` +
        `got ${architecture}`,
    );
  return found.objective;
}

const isBaseline = (objective: Objective): boolean =>
  (baselines as readonly Objective[]).includes(objective);

/** A batch on the host and its counts. */
export interface PretrainBatch {
  inputs: Record<string, HostTensor>;
  examples: number;
  /** Padding not counted. */
  tokens: number;
  /** Tokens to predict. */
  predicted: number;
}

/** Most different row lengths. */
const MAX_BATCH_SHAPES = 8;

export interface ExampleBuilderOptions {
  objective: Objective;
  maxLength: number;
  batchSize: number;
  /** Share of the tokens to predict, of masked language models. */
  mlmProbability: number;
  wholeWordMask: boolean;
}

/**
 * Makes batches of documents.
 * @example
 * const builder = new ExampleBuilder(tokenizer, {
 *   objective: 'mlm', maxLength: 128, batchSize: 32, mlmProbability: 0.15, wholeWordMask: false,
 * });
 */
export class ExampleBuilder {
  readonly #tokenizer: BertTokenizer;
  readonly #options: ExampleBuilderOptions;
  readonly #masker: TokenMasker;
  readonly #contentlessIds: ReadonlySet<number>;
  readonly #lengthStep: number;

  /** @throws UsageError when `maxLength` has no room for text. */
  constructor(tokenizer: BertTokenizer, options: ExampleBuilderOptions) {
    const least = usesSentencePairs(options.objective) ? 5 : 3;
    if (!(options.maxLength >= least))
      throw new UsageError(
        `\`maxLength\`: expected at least ${least}, to have room for text beside special tokens, ` +
          `got ${options.maxLength}`,
      );
    this.#tokenizer = tokenizer;
    this.#options = options;
    this.#masker = new TokenMasker(tokenizer, options);
    const { clsTokenId, sepTokenId, unkTokenId, maskTokenId, padTokenId } = tokenizer;
    this.#contentlessIds = new Set([clsTokenId, sepTokenId, unkTokenId, maskTokenId, padTokenId]);
    this.#lengthStep =
      PAD_TO_MULTIPLE_OF * Math.ceil(options.maxLength / (PAD_TO_MULTIPLE_OF * MAX_BATCH_SHAPES));
  }

  /**
   * Examples of some documents. For token prediction, each text is an example; long texts are cut
   * into several. For next sentences, they are pairs; random sentences come from these documents.
   * Examples without a known token are left out.
   */
  async examples(documents: readonly Document[], seed: number): Promise<EncodedExample[]> {
    const { objective, maxLength } = this.#options;
    const ids = (text: string) =>
      this.#tokenizer.encode(text, null, { addSpecialTokens: false }).inputIds;
    const examples: EncodedExample[] = [];
    if (!usesSentencePairs(objective)) {
      const { clsTokenId, sepTokenId } = this.#tokenizer;
      for (const text of documents.flat()) {
        for (const part of batches(ids(text), maxLength - 2)) {
          const inputIds = [clsTokenId, ...part, sepTokenId];
          examples.push({ inputIds, tokenTypeIds: inputIds.map(() => 0) });
        }
      }
    } else {
      const encoded = documents.map((document) =>
        document.map(ids).filter(({ length }) => length > 0),
      );
      const usable = encoded.filter(({ length }) => length > 0);
      // A few documents left over at an end may give no pair.
      if (usable.length < 2 || usable.every(({ length }) => length < 2)) return [];
      const neighbours = usable.length;
      // The seed is of this epoch alone.
      const options = { maxLength, seed, epoch: 0, neighbours };
      for await (const { inputIds, tokenTypeIds, nextSentenceLabel } of nextSentenceExamples(
        usable,
        this.#tokenizer,
        options,
      ))
        examples.push({ inputIds, tokenTypeIds, label: nextSentenceLabel });
    }
    return examples.filter(({ inputIds }) => inputIds.some((id) => !this.#contentlessIds.has(id)));
  }

  /**
   * Batches of similar lengths in random order. Random examples fill up the last batch, so that all
   * have the same size.
   */
  trainingBatches(
    examples: readonly EncodedExample[],
    seed: number,
    batchSize = this.#options.batchSize,
  ): EncodedExample[][] {
    if (examples.length === 0) return [];
    const random = new Philox(seed, 1);
    const all = [...examples];
    while (all.length % batchSize > 0) all.push(examples[random.randint(examples.length)]);
    return random.shuffle(batches(this.sortByLength(all), batchSize));
  }

  sortByLength(examples: readonly EncodedExample[]): EncodedExample[] {
    return examples.toSorted((a, b) => a.inputIds.length - b.inputIds.length);
  }

  /**
   * Inputs of the model; `firstIndex`, the number of the first example, is the key of its masks.
   * `leastLength`: they are padded to this length at least.
   */
  collate(
    examples: readonly EncodedExample[],
    seed: number,
    firstIndex: number,
    leastLength = 0,
  ): PretrainBatch {
    const { objective, maxLength } = this.#options;
    const { padTokenId } = this.#tokenizer;
    const { inputIds, attentionMask, tokenTypeIds } = collateInputs(
      examples,
      padTokenId,
      maxLength,
      this.#lengthStep,
      leastLength,
    );
    const counts = { examples: examples.length, tokens: countTokens(examples) };
    const column = (values: number[]): HostTensor => ({
      data: Int32Array.from(values),
      shape: [values.length],
    });
    const nextSentence = column(examples.map(({ label }) => label as number));
    const inputs = { inputIds, attentionMask, tokenTypeIds };
    if (objective === 'nsp')
      return { ...counts, inputs: { ...inputs, labels: nextSentence }, predicted: 0 };
    if (isBaseline(objective)) {
      const { data, shape } = inputIds;
      const labels = Int32Array.from(data, (id, i) =>
        attentionMask.data[i] === 1 ? id : IGNORE_INDEX,
      );
      // In each direction, one token of a text has no context to predict it from.
      const isWordVectors = objective === 'cbow' || objective === 'skip-gram';
      const predicted = counts.tokens - (isWordVectors ? 0 : examples.length);
      return { ...counts, inputs: { ...inputs, labels: { data: labels, shape } }, predicted };
    }

    const [rows, length] = inputIds.shape;
    const ids = new Int32Array(rows * length);
    const positions: number[] = [];
    const labels: number[] = [];
    for (let row = 0; row < rows; row++) {
      const key = { seed, epoch: 0, example: firstIndex + row };
      const masked = this.#masker.maskTokens(
        (inputIds.data as Int32Array).subarray(row * length, (row + 1) * length),
        key,
      );
      ids.set(masked.inputIds, row * length);
      positions.push(...masked.maskedPositions.map((at) => row * length + at));
      labels.push(...masked.maskedLabels);
    }
    return {
      ...counts,
      inputs: {
        ...inputs,
        inputIds: { data: ids, shape: inputIds.shape },
        labels: column(labels),
        labelPositions: column(positions),
        ...(objective === 'mlm+nsp' && { nextSentenceLabel: nextSentence }),
      },
      predicted: labels.filter((label) => label >= 0).length,
    };
  }
}
