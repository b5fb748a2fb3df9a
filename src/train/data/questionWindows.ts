import { UsageError } from '../../platform/errors.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { ContextWindow, Question } from '../tasks/spans.ts';
import type { EncodedExample } from './batch.ts';

/** How the context of a question is divided. */
export interface WindowOptions {
  /** Longest window in tokens, with the question and special tokens. */
  maxLength: number;
  /** Tokens of the context that a window repeats from the one before. */
  stride: number;
}

/** A window of a question as token ids. */
export type EncodedWindow = EncodedExample & { window: ContextWindow };

/**
 * Questions as windows of their contexts, `[CLS] question [SEP] part of the context [SEP]`, as
 * Hugging Face's run_qa.py makes them. The label is the first and last token of the first answer;
 * 0 and 0, which is [CLS], where the answer is not within the window. A question is kept whole as
 * long as a token of the context fits beside it.
 * @throws UsageError when `stride` is out of range.
 * @example
 * const question = { id: '0', question: 'Who?', context: 'Ann sings.' };
 * const windows = encodeQuestions([question], tokenizer, { maxLength: 384, stride: 128 });
 */
export function encodeQuestions(
  questions: readonly Question[],
  tokenizer: BertTokenizer,
  { maxLength, stride }: WindowOptions,
): EncodedWindow[] {
  if (!(Number.isInteger(stride) && stride >= 0 && stride < maxLength - 3))
    throw new UsageError(
      '`stride`: expected a whole number from 0 to less than the tokens of a window ' +
        `(\`maxLength\` ${maxLength}), got ${stride}`,
    );
  const tokensOf = tokenizerOfLast(tokenizer);
  return questions.flatMap((question) => {
    const all = tokenizer.convertTokensToIds(tokenizer.tokenize(question.question));
    const fits = all.length <= maxLength - 4;
    const asked = fits ? all : all.slice(0, Math.floor((maxLength - 3) / 2));
    const context = tokensOf(question.context);
    const room = maxLength - 3 - asked.length;
    const head = [tokenizer.clsTokenId, ...asked, tokenizer.sepTokenId];
    const step = room - Math.min(stride, room - 1);
    const windows: EncodedWindow[] = [];
    for (let begin = 0, end = 0; begin === 0 || end < context.ids.length; begin += step) {
      end = Math.min(begin + room, context.ids.length);
      const outside = (from: number) => Array.from({ length: from }, () => undefined);
      const window: ContextWindow = {
        question,
        offsets: [...outside(head.length), ...context.offsets.slice(begin, end), undefined],
        continues: [...head.map(() => false), ...context.continues.slice(begin, end), false],
      };
      windows.push({
        inputIds: [...head, ...context.ids.slice(begin, end), tokenizer.sepTokenId],
        tokenTypeIds: window.offsets.map((_, token) => (token < head.length ? 0 : 1)),
        label: labelOf(window),
        window,
        ...(!fits && { truncated: true }),
      });
    }
    return windows;
  });
}

interface ContextTokens {
  ids: readonly number[];
  offsets: readonly (readonly [number, number])[];
  continues: readonly boolean[];
}

/** Tokens of a context; those of the last one are kept, since questions share contexts. */
function tokenizerOfLast(tokenizer: BertTokenizer): (context: string) => ContextTokens {
  let last: string | undefined;
  let tokens!: ContextTokens;
  return (context) => {
    if (context === last) return tokens;
    const { inputIds, offsetMapping } = tokenizer.encode(context, null, {
      addSpecialTokens: false,
      truncation: false,
      returnOffsetsMapping: true,
    });
    const pieces = tokenizer.convertIdsToTokens(inputIds);
    const offsets = offsetMapping!;
    const continues = pieces.map(
      (piece, i) => i > 0 && piece.startsWith('##') && offsets[i - 1][1] === offsets[i][0],
    );
    last = context;
    tokens = { ids: inputIds, offsets, continues };
    return tokens;
  };
}

/** First and last token of the answer. */
function labelOf({ question: { answers }, offsets }: ContextWindow): number[] | undefined {
  if (!answers) return undefined;
  if (answers.length === 0) return [0, 0];
  const [{ text, start }] = answers;
  const end = start + text.length;
  const first = offsets.findIndex((place) => place !== undefined);
  const last = offsets.length - 2;
  if (first < 0 || offsets[first]![0] > start || offsets[last]![1] < end) return [0, 0];
  const startToken = offsets.findLastIndex((place) => place !== undefined && place[0] <= start);
  const endToken = offsets.findIndex((place) => place !== undefined && place[1] >= end);
  return [startToken, endToken];
}
