import { squadReport } from '../metrics/squad.ts';
import { bestAnswers, byQuestion, type Question } from './spans.ts';
import type { Task } from './task.ts';

/** The answer to a question as the first and last token in a window of its context; 0: none. */
export const questionAnswering: Task = {
  name: 'question-answering',
  problemType: null,
  perToken: false,
  outputsPerToken: true,
  labelColumns: ['answers', 'answer', 'answer_text'],
  parse: () => 'an answer with its place',
  encode: (rawLabel) => rawLabel as number,
  collate(labels) {
    const rows = labels as number[][];
    return { data: Int32Array.from(rows.flat()), shape: [rows.length, 2] };
  },
  postprocess: (logits) => logits,
  predictionOf: (output) => Array.from(output),
  lossWeight: () => 1,
  monitoredMetrics: () => ['f1', 'exactMatch'],
  report(predictions, _, __, examples = []) {
    const windows = examples.map(({ window }) => window);
    const rows = [...byQuestion(windows)];
    // Questions may lack an answer in data that has such.
    const nullScoreDiffThreshold = mayLackAnswers(rows.map(([question]) => question));
    const answers = rows.map(([, own]) => {
      const outputs = own.map((row) => predictions[row] as number[]);
      const seen = own.map((row) => windows[row]!);
      return bestAnswers(seen, outputs, { nullScoreDiffThreshold })[0].answer;
    });
    const truth = rows.map(([{ answers = [] }]) => answers.map(({ text }) => text));
    const { f1, ...others } = squadReport(answers, truth);
    return { metrics: { f1, ...others } };
  },
};

/** SQuAD's threshold for no answer, 0, for questions some of which have none. */
export const mayLackAnswers = (questions: readonly Question[]): number | undefined =>
  questions.some(({ answers }) => answers?.length === 0) ? 0 : undefined;
