import { AutoModelForMaskedLM } from '../../bert/auto.ts';
import type { BertForMaskedLM } from '../../bert/heads/maskedLM.ts';
import type { ModelSource } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { indexSelect, noGrad, scope, type Tensor, tensor } from '../../tensor/index.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { collateInputs, type EncodedExample } from '../data/batch.ts';
import { batches } from '../data/split.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { checkFiniteOutputs } from '../trainer/checks.ts';
import { enterEvaluation } from '../trainer/evaluationMode.ts';
import { checkPredict, encodeTexts, type PipelineOptions } from './encode.ts';
import type { PredictOptions } from './textClassification.ts';

/** Options of `FillMaskPipeline.predict`. */
export interface FillMaskOptions extends PredictOptions {
  /** Number of tokens for each text. Default: 5. */
  topK?: number;
}

/** A token for the mask of a text. */
export interface FilledMask {
  /** Probability of the token. */
  score: number;
  /** Id of the token. */
  token: number;
  tokenStr: string;
  /** The text with the token in place of the mask. */
  sequence: string;
}

/**
 * A masked language model with its tokenizer (Hugging Face's `fill-mask` pipeline).
 * @example
 * const fillMask = await FillMaskPipeline.fromPretrained('path/to/folder');
 * const [tokens] = await fillMask.predict(['a [MASK] film'], { topK: 3 });
 */
export class FillMaskPipeline {
  readonly model: BertForMaskedLM;
  readonly tokenizer: BertTokenizer;

  constructor(model: BertForMaskedLM, tokenizer: BertTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /**
   * Reads both from a Hugging Face folder, or the model alone if a tokenizer is given.
   * @throws UsageError as `loadTrained`.
   */
  static async fromPretrained(
    source: ModelSource,
    options?: PipelineOptions,
  ): Promise<FillMaskPipeline> {
    const { model, tokenizer } = await loadTrained(AutoModelForMaskedLM, source, options);
    return new FillMaskPipeline(model, tokenizer);
  }

  /**
   * The most probable tokens for the mask of each text, best first.
   * @throws UsageError for a text without exactly one mask token, or a `topK` out of range; the
   * reason of `signal` if it is aborted.
   */
  async predict(texts: readonly string[], options: FillMaskOptions = {}): Promise<FilledMask[][]> {
    checkPredict(texts, options, ['topK']);
    const { batchSize = 32, maxLength, topK = 5, signal } = options;
    const { vocabSize } = this.model.config;
    if (!Number.isInteger(topK) || topK < 1 || topK > vocabSize)
      throw new UsageError(`\`topK\`: expected a whole number from 1 to ${vocabSize}, got ${topK}`);
    const encoded = encodeTexts(texts, this.model, this.tokenizer, maxLength);
    const positions = encoded.map((example, row) => this.#maskPosition(example, row));
    const results: FilledMask[][] = [];
    for (const rows of batches([...encoded.keys()], batchSize)) {
      signal?.throwIfAborted();
      const examples = rows.map((row) => encoded[row]);
      const output = this.#forwardBatch(
        examples,
        rows.map((row) => positions[row]),
      );
      const scores = (await output.data().finally(() => output.dispose())) as Float32Array;
      checkFiniteOutputs(scores);
      rows.forEach((row, i) => {
        const own = scores.subarray(i * vocabSize, (i + 1) * vocabSize);
        results[row] = this.#best(encoded[row].inputIds, positions[row], own, topK);
      });
    }
    return results;
  }

  #maskPosition({ inputIds }: EncodedExample, row: number): number {
    const { maskTokenId } = this.tokenizer;
    const found = inputIds.flatMap((id, at) => (id === maskTokenId ? [at] : []));
    if (found.length !== 1)
      throw new UsageError(
        `text ${row}: expected one ${this.tokenizer.convertIdsToTokens(maskTokenId)}, ` +
          `got ${found.length}`,
      );
    return found[0];
  }

  /** Probabilities of all tokens at one position of each example: [examples, vocabulary]. */
  #forwardBatch(examples: readonly EncodedExample[], positions: readonly number[]): Tensor {
    const { bert, cls, config } = this.model;
    const { device } = this.model.parameters()[0];
    const batch = collateInputs(examples, config.padTokenId, config.maxPositionEmbeddings);
    const length = batch.inputIds.shape[1];
    const leave = enterEvaluation(this.model);
    try {
      return noGrad(() =>
        scope(() => {
          const inputs = Object.entries(batch).map(([name, { data, shape }]) => [
            name,
            tensor(data, { shape, device }),
          ]);
          const { lastHiddenState } = bert.forward(Object.fromEntries(inputs));
          const rows = positions.map((at, row) => row * length + at);
          // Only the masked positions go through the decoder: its logits are large.
          const masked = indexSelect(
            lastHiddenState.reshape([-1, config.hiddenSize]),
            0,
            tensor(Int32Array.from(rows), { device }),
          ).unsqueeze(1);
          return cls.predictions.forward(masked, {}).logits.softmax(-1);
        }),
      );
    } finally {
      leave();
    }
  }

  #best(
    inputIds: readonly number[],
    position: number,
    scores: Float32Array,
    topK: number,
  ): FilledMask[] {
    const ids = [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, topK);
    return ids.map((token) => ({
      score: scores[token],
      token,
      tokenStr: this.tokenizer.decode([token]),
      sequence: this.tokenizer.decode(inputIds.with(position, token), { skipSpecialTokens: true }),
    }));
  }
}
