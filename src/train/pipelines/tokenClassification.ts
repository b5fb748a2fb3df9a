import { AutoModelForTokenClassification } from '../../bert/auto.ts';
import type { BertForTokenClassification } from '../../bert/heads/tokenClassification.ts';
import type { ModelSource } from '../../formats/modelFolder.ts';
import type { BertTokenizer, Encoding } from '../../text/tokenizer/index.ts';
import {
  checkMaxLength,
  defaultMaxLength,
  type EncodedExample,
  encodeExamples,
} from '../data/batch.ts';
import { getEntities } from '../metrics/entities.ts';
import { argmax } from '../tasks/task.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';
import { checkPredict, type PipelineOptions } from './encode.ts';
import type { EncodedOptions, PredictOptions } from './textClassification.ts';

/** A word of a text, its place (`text.slice(start, end)`) and its tag. */
export interface TaggedWord {
  word: string;
  /** In UTF-16 units, as JavaScript's strings count. */
  start: number;
  end: number;
  /** The most probable tag. */
  entity: string;
  /** Its probability. */
  score: number;
}

/** Consecutive words that their tags mark as one entity. */
export interface EntityGroup {
  /** The type: `PER` of the tags `B-PER`, `I-PER`. */
  entityGroup: string;
  /** The mean of its words' scores. */
  score: number;
  /** `text.slice(start, end)` */
  word: string;
  start: number;
  end: number;
}

/** A text, or the words of a text that is split already. */
export type WordsInput = string | readonly string[];

/** The text that the places of tagged words refer to: words are joined by blanks. */
export const textOfWords = (input: WordsInput): string =>
  typeof input === 'string' ? input : input.join(' ');

/** A text as ids, with the words to tag. */
export interface EncodedWords extends EncodedExample {
  text: string;
  /** Each word's place in the text, and its first token. */
  spans: { token: number; start: number; end: number }[];
}

/**
 * A trained tagger with its tokenizer: text in, tagged words out (Hugging Face's
 * `token-classification` pipeline).
 * @example
 * const tag = await TokenClassificationPipeline.fromPretrained('path/to/folder');
 * const [words] = await tag.predict(['Anna lives in Oslo']);
 */
export class TokenClassificationPipeline {
  readonly model: BertForTokenClassification;
  readonly tokenizer: BertTokenizer;

  constructor(model: BertForTokenClassification, tokenizer: BertTokenizer) {
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
  ): Promise<TokenClassificationPipeline> {
    const { model, tokenizer } = await loadTrained(
      AutoModelForTokenClassification,
      source,
      options,
    );
    return new TokenClassificationPipeline(model, tokenizer);
  }

  /**
   * Tags the words that the tokenizer finds in each text, punctuation separately, or the given
   * words; each by its first word piece. Words that are cut off, or that give no token, are left
   * out.
   * @throws UsageError for options out of range; NotFiniteError when outputs are not finite; the
   * reason of `signal` if it is aborted.
   */
  async predict(texts: readonly WordsInput[], given: PredictOptions = {}): Promise<TaggedWord[][]> {
    checkPredict(texts, given);
    const { maxLength, ...options } = given;
    return this.tag(this.encode(texts, maxLength), options);
  }

  /**
   * Texts as ids, cut to `maxLength` tokens.
   * @throws UsageError when `maxLength` is more than the model has positions for.
   */
  encode(
    texts: readonly WordsInput[],
    maxLength: number = defaultMaxLength(this.model.config, this.tokenizer),
  ): EncodedWords[] {
    checkMaxLength(maxLength, this.model.config.maxPositionEmbeddings);
    return texts.map((input) =>
      typeof input === 'string'
        ? this.#encodeText(input, maxLength)
        : this.#encodeWords(input, maxLength),
    );
  }

  /** `predict` for texts that are encoded already. */
  async tag(
    examples: readonly EncodedWords[],
    { batchSize = 32, ...options }: EncodedOptions = {},
  ): Promise<TaggedWord[][]> {
    const { id2label, numLabels } = this.model.config;
    const { probabilities } = await evaluateExamples(this.model, examples, batchSize, options);
    return examples.map(({ text, spans }, row) =>
      spans.map(({ token, start, end }) => {
        const scores = probabilities[row].slice(token * numLabels, (token + 1) * numLabels);
        const best = argmax(scores);
        const word = text.slice(start, end);
        return { word, start, end, entity: id2label[best], score: scores[best] };
      }),
    );
  }

  #encodeText(text: string, maxLength: number): EncodedWords {
    const encoding = this.tokenizer.encode(text, null, {
      maxLength,
      truncation: true,
      returnOffsetsMapping: true,
    });
    const { inputIds, tokenTypeIds } = encoding;
    const isFull = inputIds.length === maxLength;
    // Two special tokens stand around the pieces.
    const truncated = isFull && this.tokenizer.tokenize(text).length + 2 > maxLength;
    const spans = this.#wordSpans(encoding);
    return { text, inputIds, tokenTypeIds, spans, ...(truncated && { truncated }) };
  }

  /** Encodes words one by one, as for training. */
  #encodeWords(words: readonly string[], maxLength: number): EncodedWords {
    const text = textOfWords(words);
    // As the tag of each word its own index: so tokens tell which word they begin.
    const example = { text, words: [...words], label: [...words.keys()] };
    const { maxPositionEmbeddings } = this.model.config;
    const [{ label, ...encoded }] = encodeExamples(
      [example],
      this.tokenizer,
      maxLength,
      maxPositionEmbeddings,
    );
    const starts: number[] = [];
    for (let i = 0, at = 0; i < words.length; at += words[i++].length + 1) starts.push(at);
    const spans = (label as number[]).flatMap((word, token) => {
      const start = starts[word];
      return word < 0 ? [] : [{ token, start, end: start + words[word].length }];
    });
    return { ...encoded, text, spans };
  }

  /** Each word's place in its text and its first token; later pieces of a word start with `##`. */
  #wordSpans({ inputIds, offsetMapping, specialTokensMask }: Encoding): EncodedWords['spans'] {
    const spans: EncodedWords['spans'] = [];
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
 * @example
 * const text = 'Anna lives in Oslo';
 * const [words] = await tag.predict([text]);
 * console.log(groupEntities(text, words));
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
