import { AutoModelForTokenClassification } from '../../bert/auto.ts';
import type { BertForTokenClassification } from '../../bert/heads/tokenClassification.ts';
import type { ModelSource } from '../../formats/modelFolder.ts';
import type { BertTokenizer, Encoding } from '../../text/tokenizer/index.ts';
import { checkMaxLength, defaultMaxLength } from '../data/batch.ts';
import { getEntities } from '../metrics/entities.ts';
import { argmax } from '../tasks/task.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';
import type { PredictOptions } from './textClassification.ts';

/** A word of a text, its place (`text.slice(start, end)`) and its tag. */
export interface TaggedWord {
  word: string;
  start: number;
  end: number;
  /** The most probable tag. */
  entity: string;
  /** Its probability. */
  score: number;
}

/** A run of words that their tags mark as one entity. */
export interface EntityGroup {
  /** The type: `PER` of the tags `B-PER`, `I-PER`. */
  entityGroup: string;
  /** The mean of its words' scores. */
  score: number;
  word: string;
  start: number;
  end: number;
}

/**
 * A trained tagger with its tokenizer: text in, tagged words out (Hugging Face's
 * `token-classification` pipeline).
 */
export class TokenClassificationPipeline {
  readonly model: BertForTokenClassification;
  readonly tokenizer: BertTokenizer;

  constructor(model: BertForTokenClassification, tokenizer: BertTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /**
   * Reads both from a Hugging Face folder.
   * @throws UsageError as `loadTrained`.
   */
  static async fromPretrained(source: ModelSource): Promise<TokenClassificationPipeline> {
    const { model, tokenizer } = await loadTrained(AutoModelForTokenClassification, source);
    return new TokenClassificationPipeline(model, tokenizer);
  }

  /**
   * Tags the words that the tokenizer finds in each text, punctuation separately, each by its first
   * word piece. Words that are cut off, or that give no token, are left out.
   */
  async predict(
    texts: readonly string[],
    { batchSize = 32, maxLength }: PredictOptions = {},
  ): Promise<TaggedWord[][]> {
    const { maxPositionEmbeddings, id2label, numLabels } = this.model.config;
    const length = maxLength ?? defaultMaxLength(this.model.config, this.tokenizer);
    checkMaxLength(length, maxPositionEmbeddings);
    const encoded = texts.map((text) => {
      return this.tokenizer.encode(text, null, {
        maxLength: length,
        truncation: true,
        returnOffsetsMapping: true,
      });
    });
    const { probabilities } = await evaluateExamples(this.model, encoded, batchSize);
    return encoded.map((encoding, row) =>
      this.#wordSpans(encoding).map(({ token, start, end }) => {
        const scores = probabilities[row].slice(token * numLabels, (token + 1) * numLabels);
        const best = argmax(scores);
        return {
          word: texts[row].slice(start, end),
          start,
          end,
          entity: id2label[best],
          score: scores[best],
        };
      }),
    );
  }

  /** Each word's place in its text and its first token; later pieces of a word start with `##`. */
  #wordSpans({
    inputIds,
    offsetMapping,
    specialTokensMask,
  }: Encoding): { token: number; start: number; end: number }[] {
    const spans: { token: number; start: number; end: number }[] = [];
    this.tokenizer.convertIdsToTokens(inputIds).forEach((piece, token) => {
      const [start, end] = offsetMapping![token];
      if (specialTokensMask[token] === 1) return;
      const last = spans.at(-1);
      if (piece.startsWith('##') && last?.end === start) last.end = end;
      else spans.push({ token, start, end });
    });
    return spans;
  }
}

/**
 * The entities among the tagged words of a text (Hugging Face's aggregation strategy `first`).
 * @throws ArgumentError for a tag that is not an entity's, such as a part of speech.
 */
export function groupEntities(text: string, words: readonly TaggedWord[]): EntityGroup[] {
  return getEntities(words.map(({ entity }) => entity)).map(
    ({ type, start: first, end: after }) => {
      const run = words.slice(first, after);
      const [start, end] = [run[0].start, run.at(-1)!.end];
      const score = run.reduce((sum, word) => sum + word.score, 0) / run.length;
      return { entityGroup: type, score, word: text.slice(start, end), start, end };
    },
  );
}
