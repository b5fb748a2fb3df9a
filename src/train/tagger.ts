import { BertForTokenClassification } from '../bert/tokenClassification.ts';
import { BertTokenizer } from '../bert/tokenizer/index.ts';
import { encodeExamples } from './batch.ts';
import type { PredictOptions } from './classifier.ts';
import { entitiesOf } from './entities.ts';
import { evaluate } from './evaluate.ts';
import { argmax } from './tasks/task.ts';
import { IGNORED } from './tasks/tokenClassification.ts';

/** A word of a text, where it stands in it (`text.slice(start, end)`), and its tag. */
export interface TaggedWord {
  word: string;
  start: number;
  end: number;
  /** The likeliest tag. */
  entity: string;
  /** Its probability. */
  score: number;
}

/** A run of words that their tags mark as one. */
export interface EntityGroup {
  /** The type: `PER` of the tags `B-PER`, `I-PER`. */
  entityGroup: string;
  /** The mean of its words' scores. */
  score: number;
  word: string;
  start: number;
  end: number;
}

const alone = String.raw`\p{P}\p{Script=Han}$+<=>^\x60|~`;
const wordPattern = new RegExp(String.raw`[${alone}]|[^\s${alone}]+`, 'gu');

/** The words of a text: what stands between blanks, with punctuation and Han characters each for itself, as in BERT. */
export function wordsOf(text: string): { word: string; start: number; end: number }[] {
  return Array.from(text.matchAll(wordPattern), ({ 0: word, index }) => ({ word, start: index, end: index + word.length }));
}

/** A trained tagger with its tokenizer: text in, tagged words out (Hugging Face's `token-classification` pipeline). */
export class TokenClassificationPipeline {
  readonly model: BertForTokenClassification;
  readonly tokenizer: BertTokenizer;

  constructor(model: BertForTokenClassification, tokenizer: BertTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /** Reads both from a Hugging Face folder. */
  static async fromPretrained(dir: string): Promise<TokenClassificationPipeline> {
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    return new TokenClassificationPipeline(await BertForTokenClassification.fromPretrained(dir), tokenizer);
  }

  /**
   * Tags the words (`wordsOf`) of texts, each by its first word piece. Words that are cut off, or that the tokenizer
   * makes nothing of, are left out.
   */
  async predict(texts: readonly string[], { batchSize = 32, maxLength }: PredictOptions = {}): Promise<TaggedWord[][]> {
    const { maxPositionEmbeddings, id2label, numLabels } = this.model.config;
    const rows = texts.map(wordsOf);
    // In the place of tags, the number of each word: so the encoding tells where its first piece is.
    const examples = rows.map((words, i) => ({ text: texts[i], words: words.map(({ word }) => word), label: [...words.keys()] }));
    const length = maxLength ?? Math.min(maxPositionEmbeddings, this.tokenizer.modelMaxLength);
    const encoded = encodeExamples(examples, this.tokenizer, length, maxPositionEmbeddings);
    const unlabelled = encoded.map((example) => ({ ...example, label: undefined }));
    const { probabilities } = await evaluate(this.model, unlabelled, batchSize);
    return encoded.map(({ label }, row) =>
      (label as number[]).flatMap((word, token) => {
        if (word === IGNORED) return [];
        const scores = probabilities[row].slice(token * numLabels, (token + 1) * numLabels);
        const best = argmax(scores);
        return [{ ...rows[row][word], entity: id2label[best], score: scores[best] }];
      }),
    );
  }
}

/**
 * The entities among the tagged words of a text (Hugging Face's aggregation strategy `first`).
 * @throws RangeError when a tag marks no entities, as those of parts of speech.
 */
export function groupEntities(text: string, words: readonly TaggedWord[]): EntityGroup[] {
  return entitiesOf(words.map(({ entity }) => entity)).map(({ type, start: first, end: after }) => {
    const run = words.slice(first, after);
    const [start, end] = [run[0].start, run.at(-1)!.end];
    const score = run.reduce((sum, word) => sum + word.score, 0) / run.length;
    return { entityGroup: type, score, word: text.slice(start, end), start, end };
  });
}
