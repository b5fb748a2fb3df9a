import { AutoBackbone } from '../../bert/auto.ts';
import { pool } from '../../bert/heads/pooling.ts';
import type { Backbone } from '../../bert/registry.ts';
import { type ModelSource, openModelFolder } from '../../formats/modelFolder.ts';
import { type SentenceSettings, sentenceSettingsOf } from '../../formats/sentenceFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { checkOneOf } from '../../platform/usage.ts';
import { cat, noGrad, normalize, scope, type Tensor, tensor } from '../../tensor/index.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { collateInputs, defaultMaxLength, type EncodedExample } from '../data/batch.ts';
import { batches } from '../data/split.ts';
import { shareWork, type WorkOptions } from '../distributed/shareWork.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { checkFiniteOutputs } from '../trainer/checks.ts';
import { enterEvaluation } from '../trainer/evaluationMode.ts';
import { checkPredict, encodeTexts, type PipelineOptions, type TextInput } from './encode.ts';
import type { PredictOptions } from './textClassification.ts';

/** Where features come from: an encoder, two one-way encoders joined, or word vectors alone. */
export type FeatureModel = Backbone;

/** Options of `FeatureExtractionPipeline.predict`. */
export interface FeatureOptions {
  /**
   * `cls`: the state of the first position. `mean`: the mean over all tokens, special ones
   * included. `tokens`: one vector for each token, special ones included. Default: what the files
   * of sentence-transformers in the folder say, whose vectors may also be scaled to length 1; else
   * `mean`.
   */
  pooling?: 'cls' | 'mean' | 'tokens';
  /**
   * Which states: 0 is the embeddings, 1 the first layer's output, -1 the last one's. Default: -1
   * alone.
   */
  layers?: readonly number[];
  /** How the states of several layers are combined: concatenated (default) or added. */
  combine?: 'concat' | 'sum';
}

/** Batches that are sorted by length together; their features are in memory at once. */
const BATCHES_PER_WINDOW = 8;

/**
 * Texts to vectors, as input for other programs (Hugging Face's `feature-extraction` pipeline):
 * BERT's feature-based use (Devlin et al. 2019, §5.3, table 7).
 * @example
 * const features = await FeatureExtractionPipeline.fromPretrained('path/to/folder');
 * const vectors = await features.predict(['a text'], { pooling: 'mean' });
 */
export class FeatureExtractionPipeline {
  readonly model: FeatureModel;
  readonly tokenizer: BertTokenizer;

  /** How vectors of texts are made, if the folder says it. */
  readonly sentence?: SentenceSettings;

  constructor(model: FeatureModel, tokenizer: BertTokenizer, sentence?: SentenceSettings) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.sentence = sentence;
  }

  /**
   * Reads the tokenizer and the encoder of a Hugging Face folder, whatever head the model has.
   * @throws UsageError as `loadTrained`.
   */
  static async fromPretrained(
    source: ModelSource,
    options?: PipelineOptions,
  ): Promise<FeatureExtractionPipeline> {
    const folder = await openModelFolder(source);
    const { model, tokenizer } = await loadTrained(AutoBackbone, folder, options);
    return new FeatureExtractionPipeline(model, tokenizer, await sentenceSettingsOf(folder));
  }

  /**
   * The features of texts, or of pairs, in their order: [size], or [tokens, size] in row-major
   * order for `tokens`.
   * @throws UsageError as `stream`.
   */
  async predict(
    texts: readonly TextInput[],
    given: FeatureOptions & PredictOptions = {},
  ): Promise<Float32Array[]> {
    checkPredict(texts, given, ['pooling', 'layers', 'combine']);
    const { batchSize = 32, maxLength, ...options } = given;
    const features: Float32Array[] = [];
    for await (const vector of this.stream(this.encode(texts, maxLength), batchSize, options))
      features.push(vector);
    return features;
  }

  /** Longest text in tokens by default. */
  get maxLength(): number {
    return defaultMaxLength(this.model.config, this.tokenizer, this.sentence?.maxLength);
  }

  /** Texts, or pairs, as ids, cut to `maxLength` tokens; with `stride`, split into windows. */
  encode(texts: readonly TextInput[], maxLength?: number, stride?: number): EncodedExample[] {
    return encodeTexts(texts, this.model, this.tokenizer, maxLength ?? this.maxLength, stride);
  }

  /**
   * The features of one example after the other; only a few batches are in memory at a time.
   * @throws UsageError for layers that do not exist; NotFiniteError for features with NaN or
   * infinity.
   */
  async *stream(
    examples: readonly EncodedExample[],
    batchSize: number,
    { signal, shared, ...options }: FeatureOptions & Omit<WorkOptions, 'ahead'> = {},
  ): AsyncGenerator<Float32Array> {
    const size = this.featureSize(options);
    const work = { signal, shared, ahead: BATCHES_PER_WINDOW };
    const leave = enterEvaluation(this.model);
    try {
      for (const window of batches(examples, batchSize * BATCHES_PER_WINDOW))
        yield* await this.#extractWindow(window, batchSize, size, options, work);
    } finally {
      leave();
    }
  }

  /** The features of a few batches, which run in the order of their lengths. */
  async #extractWindow(
    examples: readonly EncodedExample[],
    batchSize: number,
    size: number,
    options: FeatureOptions,
    work: WorkOptions,
  ): Promise<Float32Array[]> {
    const byLength = [...examples.keys()].sort(
      (a, b) => examples[a].inputIds.length - examples[b].inputIds.length,
    );
    const features: Float32Array[] = Array(examples.length);
    const outputsOf = (rows: readonly number[]) => {
      const inBatch = rows.map((row) => examples[row]);
      const result = this.#forwardBatch(inBatch, options);
      return result.data().finally(() => result.dispose()) as Promise<Float32Array>;
    };
    const all = batches(byLength, batchSize);
    for await (const { piece: rows, output } of shareWork(all, outputsOf, work)) {
      checkFiniteOutputs(output);
      const width = output.length / rows.length;
      rows.forEach((row, i) => {
        const used = options.pooling === 'tokens' ? examples[row].inputIds.length * size : size;
        features[row] = output.slice(i * width, i * width + used);
      });
    }
    return features;
  }

  /** Elements of one vector. @throws UsageError for layers, or ways, that do not exist. */
  featureSize({ layers = [-1], combine = 'concat', pooling }: FeatureOptions): number {
    checkOneOf(pooling, [undefined, 'cls', 'mean', 'tokens'], '`pooling`');
    checkOneOf(combine, ['concat', 'sum'], '`combine`');
    const { stateSize, numHiddenStates: states } = this.model;
    const wrong = layers.find(
      (layer) => !Number.isInteger(layer) || layer >= states || layer < -states,
    );
    if (layers.length === 0 || wrong !== undefined)
      throw new UsageError(
        `\`layers\`: expected whole numbers from ${-states} (or 0, the embeddings) to ` +
          `${states - 1} (or -1, the last layer), got ${layers.join() || 'none'}`,
      );
    return combine === 'sum' ? stateSize : stateSize * layers.length;
  }

  #forwardBatch(
    examples: readonly EncodedExample[],
    { pooling, layers = [-1], combine = 'concat' }: FeatureOptions,
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
        if (pooling === 'tokens') return states;
        const how = pooling ?? this.sentence?.pooling ?? 'mean';
        const vectors = pool(states, attentionMask, how);
        const isScaled = pooling === undefined && this.sentence?.normalize;
        return isScaled ? normalize(vectors, 2, -1) : vectors;
      }),
    );
  }
}
