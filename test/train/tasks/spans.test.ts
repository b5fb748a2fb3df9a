import { describe, expect, it } from 'vitest';
import { Philox } from '../../../src/tensor/random.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { encodeQuestions } from '../../../src/train/data/questionWindows.ts';
import { bestAnswers, byQuestion, type ContextWindow } from '../../../src/train/tasks/spans.ts';

const words = [
  'the',
  'film',
  'was',
  'good',
  'and',
  'long',
  '영화',
  '##가',
  'ing',
  '##ing',
  '😀',
  '.',
];
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words];
const tokenizer = new BertTokenizer(vocab, { doLowerCase: false });

/** Contexts and answers of several lengths; one is cut by windows. */
function questions(seed: number, count = 12) {
  const random = new Philox(seed);
  return Array.from({ length: count }, (_, i) => {
    const parts = Array.from({ length: 3 + random.randint(20) }, () => words[random.randint(6)]);
    if (i % 3 === 0) parts.splice(2, 0, '😀', '영화가');
    const first = random.randint(parts.length);
    const last = Math.min(parts.length - 1, first + random.randint(4));
    const start = parts.slice(0, first).join(' ').length + (first > 0 ? 1 : 0);
    const answer = { text: parts.slice(first, last + 1).join(' '), start };
    const question = { id: `${i}`, question: 'was the film long', context: parts.join(' ') };
    return { ...question, answers: i % 5 === 4 ? [] : [answer] };
  });
}

describe('encodeQuestions', () => {
  it.each([1, 2, 3])('makes the rows of Hugging Face’s tokenizer (seed %d)', (seed) => {
    const fast = new BertTokenizer(vocab, {
      ...{ doLowerCase: false, tokenizerClass: 'BertTokenizerFast' },
    });
    const [maxLength, stride] = [14 + seed, 2 + seed];
    for (const question of questions(seed)) {
      const rows = fast.encode(question.question, question.context, {
        ...{ maxLength, stride, truncation: 'only_second' },
        ...{ returnOverflowingTokens: true, returnOffsetsMapping: true },
      }) as unknown as { inputIds: number[][]; attentionMask: number[][] };
      const windows = encodeQuestions([question], tokenizer, { maxLength, stride });
      const real = rows.inputIds.map((ids, i) => ids.filter((_, at) => rows.attentionMask[i][at]));
      expect(windows.map(({ inputIds }) => inputIds)).toEqual(real);
    }
  });

  it('labels the tokens of an answer that is within a window, else [CLS]', () => {
    for (const question of questions(4, 30)) {
      const windows = encodeQuestions([question], tokenizer, { maxLength: 18, stride: 6 });
      const spans = windows.flatMap(({ label, window: { offsets } }) => {
        const [first, last] = label as number[];
        return first === 0 && last === 0 ? [] : [[offsets[first]![0], offsets[last]![1]]];
      });
      const [answer] = question.answers;
      if (!answer) expect(spans).toEqual([]);
      else {
        // A span of up to 6 tokens is within at least one window.
        expect(spans.length).toBeGreaterThan(0);
        for (const [from, to] of spans) expect(question.context.slice(from, to)).toBe(answer.text);
      }
    }
  });

  it('keeps a question whole as long as a token fits beside it; refuses strides', () => {
    const question = { id: '0', question: 'the film was good', context: 'film long good' };
    const [first, ...others] = encodeQuestions([question], tokenizer, { maxLength: 8, stride: 3 });
    expect([first, ...others].map(({ inputIds }) => inputIds.length)).toEqual([8, 8, 8]);
    const [cut] = encodeQuestions([question], tokenizer, { maxLength: 7, stride: 3 });
    expect([cut.truncated, cut.inputIds.length]).toEqual([true, 7]);
    for (const stride of [-1, 5, 0.5])
      expect(() => encodeQuestions([question], tokenizer, { maxLength: 8, stride })).toThrow(
        `got ${stride}`,
      );
  });
});

describe('bestAnswers', () => {
  const windowsOf = (seed: number) => {
    const given = encodeQuestions(questions(seed, 6), tokenizer, { maxLength: 16, stride: 4 });
    const random = new Philox(seed + 100);
    const outputs = given.map(({ inputIds }) =>
      Array.from({ length: 2 * inputIds.length }, () => 6 * random.uniform() - 3),
    );
    return { windows: given.map(({ window }) => window), outputs };
  };

  /** Hugging Face's postprocessing, by trying every span. */
  function slow(windows: ContextWindow[], outputs: number[][], longest: number) {
    const found = windows.flatMap(({ offsets }, i) =>
      offsets.flatMap((from, s) =>
        offsets.flatMap((to, e) =>
          from && to && e >= s && e - s < longest
            ? [{ rank: outputs[i][2 * s] + outputs[i][2 * e + 1], start: from[0], end: to[1] }]
            : [],
        ),
      ),
    );
    const none = Math.min(...outputs.map((output) => output[0] + output[1]));
    return { best: found.sort((a, b) => b.rank - a.rank)[0], none };
  }

  it.each([1, 2, 3, 4])('finds the span with the highest logits (seed %d)', (seed) => {
    const { windows, outputs } = windowsOf(seed);
    for (const rows of byQuestion(windows).values()) {
      const own = rows.map((row) => windows[row]);
      const logits = rows.map((row) => outputs[row]);
      const { context } = own[0].question;
      for (const maxAnswerLength of [1, 3, 30]) {
        const { best, none } = slow(own, logits, maxAnswerLength);
        const top = bestAnswers(own, logits, { maxAnswerLength, topK: 3 });
        expect(top[0]).toMatchObject({ start: best.start, end: best.end });
        for (const { answer, start, end, score } of top) {
          expect(answer).toBe(context.slice(start, end));
          expect(score > 0 && score <= 1).toBe(true);
        }
        const threshold = none - best.rank;
        const withNone = (nullScoreDiffThreshold: number) =>
          bestAnswers(own, logits, { maxAnswerLength, nullScoreDiffThreshold })[0];
        expect(withNone(threshold - 1e-6).answer).toBe('');
        expect(withNone(threshold + 1e-6)).toEqual(top[0]);
      }
    }
  });

  it('multiplies probabilities among the context and [CLS], as the pipeline', () => {
    const question = { id: '0', question: 'film', context: 'good 영화가 long' };
    const [{ window }] = encodeQuestions([question], tokenizer, { maxLength: 16, stride: 4 });
    // [CLS] film [SEP] good 영화 ##가 long [SEP]; tokens of the question do not count.
    const logits = [0, 0, 9, 9, 9, 9, 1, 0, 2, 0, 0, 1, 0, 3, 9, 9];
    const total = (of: number[]) => of.reduce((sum, x) => sum + Math.exp(x), 0);
    const starts = total([0, 1, 2, 0, 0]);
    const ends = total([0, 0, 0, 1, 3]);
    const [best] = bestAnswers([window], [logits], { byScore: true });
    expect(best).toMatchObject({ answer: '영화가 long', start: 5, end: 13 });
    expect(best.score).toBeCloseTo((Math.exp(2) / starts) * (Math.exp(3) / ends), 12);
    const [word] = bestAnswers([window], [logits], { maxAnswerLength: 1, alignToWords: true });
    expect(word.answer).toBe('long');
    const short = [0, 0, 0, 0, 0, 0, 1, 0, 5, 5, 0, 1, 0, 0, 0, 0];
    const part = bestAnswers([window], [short], { maxAnswerLength: 1 })[0];
    const whole = bestAnswers([window], [short], { maxAnswerLength: 1, alignToWords: true })[0];
    expect([part.answer, whole.answer]).toEqual(['영화', '영화가']);
  });
});
