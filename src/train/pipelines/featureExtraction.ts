import { BertBiBackbone } from '../../bert/baselines/bidirectional.ts';
import { CbowModel } from '../../bert/baselines/cbow.ts';
import { pool } from '../../bert/heads/pooling.ts';
import { BertBackbone } from '../../bert/model.ts';
import { findModel } from '../../formats/hub.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames } from '../../platform/format.ts';
import { cat, noGrad, scope, type Tensor, tensor } from '../../tensor/index.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import {
  collateInputs,
  defaultMaxLength,
  type EncodedExample,
  encodeExamples,
} from '../data/batch.ts';
import { batches } from '../data/split.ts';
import { architectureOf, checkVocab } from '../tasks/taskModel.ts';
import { checkFiniteOutputs } from '../trainer/checks.ts';
import type { PredictOptions } from './textClassification.ts';

/** Where features come from: an encoder, two one-way ones joined, or word vectors alone. */
export type FeatureModel = BertBackbone | CbowModel;

export interface FeatureOptions {
  /**
   * One vector for a text, that of its first position (`cls`) or the mean over its tokens, special ones too, as in
   * sentence-transformers (`mean`, the default); or one for each token, special ones too (`tokens`).
   */
  pooling?: 'cls' | 'mean' | 'tokens';
  /** Which states: 0 is the embeddings, 1 the first layer's output, -1 the last one's. Default: -1 alone. */
  layers?: readonly number[];
  /** How the states of several layers become one: side by side (default), or added up. */
  combine?: 'concat' | 'sum';
}

/** Batches that are sorted by length together, and whose features are in memory at once. */
const BATCHES_PER_WINDOW = 8;

/** Texts to vectors, for other programs to learn from: BERT's feature-based use (Devlin et al. 2019, §5.3, table 7). */
export class FeatureExtractionPipeline {
  readonly model: FeatureModel;
  readonly tokenizer: BertTokenizer;

  constructor(model: FeatureModel, tokenizer: BertTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /**
   * Reads both from a Hugging Face folder, whatever head its model has.
   * @throws UsageError when they cannot be read or do not belong together, or weights are missing.
   */
  static async fromPretrained(nameOrDir: string): Promise<FeatureExtractionPipeline> {
    const dir = await findModel(nameOrDir);
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    const name = await architectureOf(dir);
    const Model = name.startsWith('Cbow')
      ? CbowModel
      : name.startsWith('BertBi')
        ? BertBiBackbone
        : BertBackbone;
    const model: FeatureModel = await Model.fromPretrained(dir);
    const { missing } = model.loadReport;
    if (missing.length > 0)
      throw new UsageError(
        `${nameOrDir} lacks ${formatNames(missing)}: its features would be random`,
      );
    checkVocab(tokenizer, model.config, nameOrDir);
    return new FeatureExtractionPipeline(model, tokenizer);
  }

  /**
   * The features of texts, or of pairs, in their order: [size], or [tokens, size] row by row for `tokens`.
   * @throws UsageError as `stream`.
   */
  async predict(
    texts: readonly (string | readonly [string, string])[],
    { batchSize = 32, maxLength, ...options }: FeatureOptions & PredictOptions = {},
  ): Promise<Float32Array[]> {
    const features: Float32Array[] = [];
    for await (const vector of this.stream(this.encode(texts, maxLength), batchSize, options))
      features.push(vector);
    return features;
  }

  /** Texts, or pairs, as ids; longer ones are cut. */
  encode(
    texts: readonly (string | readonly [string, string])[],
    maxLength?: number,
  ): EncodedExample[] {
    const { maxPositionEmbeddings } = this.model.config;
    const examples = texts.map((text) => {
      return typeof text === 'string'
        ? { text, label: undefined }
        : { text: text[0], pair: text[1], label: undefined };
    });
    const length = maxLength ?? defaultMaxLength(this.model.config, this.tokenizer);
    return encodeExamples(examples, this.tokenizer, length, maxPositionEmbeddings);
  }

  /**
   * The features of one example after the other, while a few batches are in memory.
   * @throws UsageError for layers that are not there; Error when features are no finite numbers.
   */
  async *stream(
    examples: readonly EncodedExample[],
    batchSize: number,
    { signal, ...options }: FeatureOptions & Pick<PredictOptions, 'signal'> = {},
  ): AsyncGenerator<Float32Array> {
    const size = this.featureSize(options);
    const wasTraining = this.model.training;
    try {
      this.model.eval();
      for (const window of batches(examples, batchSize * BATCHES_PER_WINDOW)) {
        signal?.throwIfAborted();
        yield* await this.#extractWindow(window, batchSize, size, options);
      }
    } finally {
      this.model.train(wasTraining);
    }
  }

  /** The features of some batches of examples, run in the order of their lengths. */
  async #extractWindow(
    examples: readonly EncodedExample[],
    batchSize: number,
    size: number,
    options: FeatureOptions,
  ): Promise<Float32Array[]> {
    const byLength = [...examples.keys()].sort(
      (a, b) => examples[a].inputIds.length - examples[b].inputIds.length,
    );
    const features: Float32Array[] = Array(examples.length);
    const running = batches(byLength, batchSize).map(async (rows) => {
      const result = this.#forwardBatch(
        rows.map((row) => examples[row]),
        options,
      );
      const values = (await result.data().finally(() => result.dispose())) as Float32Array;
      checkFiniteOutputs(values);
      const width = values.length / rows.length;
      rows.forEach((row, i) => {
        const used = options.pooling === 'tokens' ? examples[row].inputIds.length * size : size;
        features[row] = values.slice(i * width, i * width + used);
      });
    });
    await Promise.all(running);
    return features;
  }

  /** Elements of one vector. */
  featureSize({ layers = [-1], combine = 'concat' }: FeatureOptions): number {
    const { numHiddenLayers, hiddenSize } = this.model.config;
    const states = this.model instanceof CbowModel ? 1 : numHiddenLayers + 1;
    const wrong = layers.find(
      (layer) => !Number.isInteger(layer) || layer >= states || layer < -states,
    );
    if (layers.length === 0 || wrong !== undefined)
      throw new UsageError(
        `layers ${layers.join()}: expected whole numbers from ${-states} (or 0, the embeddings) to ${states - 1} (or -1, the last layer)`,
      );
    const one = this.model instanceof BertBiBackbone ? 2 * hiddenSize : hiddenSize;
    return combine === 'sum' ? one : one * layers.length;
  }

  #forwardBatch(
    examples: readonly EncodedExample[],
    { pooling = 'mean', layers = [-1], combine = 'concat' }: FeatureOptions,
  ): Tensor {
    const { padTokenId, maxPositionEmbeddings } = this.model.config;
    const batch = collateInputs(examples, padTokenId, maxPositionEmbeddings);
    const { device } = this.model.parameters()[0];
    return noGrad(() =>
      scope(() => {
        const [inputIds, attentionMask, tokenTypeIds] = [
          batch.inputIds,
          batch.attentionMask,
          batch.tokenTypeIds,
        ].map(({ data, shape }) => tensor(data, { shape, device }));
        const { hiddenStates } = this.model.forward({ inputIds, attentionMask, tokenTypeIds });
        const chosen = layers.map((layer) => hiddenStates.at(layer)!);
        const states = combine === 'sum' ? chosen.reduce((a, b) => a.add(b)) : cat(chosen, -1);
        return pooling === 'tokens' ? states : pool(states, attentionMask, pooling);
      }),
    );
  }
}
