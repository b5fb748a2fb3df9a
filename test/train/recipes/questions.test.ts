import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { squadReport } from '../../../src/train/metrics/squad.ts';
import { pipeline } from '../../../src/train/pipelines/pipeline.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import type { InputEvent } from '../../../src/train/recipes/events.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import { predict } from '../../../src/train/recipes/predict.ts';
import { predictFile } from '../../../src/train/recipes/predictFile.ts';
import { vocab } from '../../support/cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-questions-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, content: unknown): string => {
  const path = join(dir, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const config = file('config.json', {
  model_type: 'bert',
  ...{ vocab_size: 746, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2 },
  ...{ intermediate_size: 16, initializer_range: 0.2, max_position_embeddings: 64 },
});

const films = ['story', 'music', 'actor', 'plot'];
/** Contexts of two windows; the answer is the word after "wonderful". */
const paragraphs = Array.from({ length: 16 }, (_, i) => {
  const answer = films[i % 4];
  const before = 'the film was dull and '.repeat(1 + (i % 3));
  const context = `${before}the wonderful ${answer} was ${'a film '.repeat(i % 5)}good 😀.`;
  const answerable = {
    id: `q${i}`,
    question: 'wonderful what?',
    answers: [
      { text: answer, answer_start: [...context.slice(0, context.indexOf(answer))].length },
    ],
  };
  const impossible = { id: `n${i}`, question: 'bad', answers: [], is_impossible: true };
  return { context, qas: [answerable, ...(i % 4 === 3 ? [impossible] : [])] };
});
const v1 = paragraphs.map(({ context, qas }) => ({ context, qas: [qas[0]] }));
const squad = (list: object[]) => ({ version: 'x', data: [{ title: 'films', paragraphs: list }] });

const trainOn = (options: Partial<FineTuneOptions> & { data: string; out: string }) => {
  const events: InputEvent[] = [];
  const run = fineTune(
    {
      ...{ vocab, config, task: 'question-answering', epochs: 12, learningRate: 1e-2 },
      ...{ batchSize: 8, patience: 12, maxLength: 24, stride: 6, ...options },
    },
    { onEvent: (event) => events.push(event as InputEvent) },
  );
  return run.then((result) => ({ ...result, events }));
};

describe('questions', () => {
  const data = file('train.json', squad(v1));
  const model = join(dir, 'qa');
  beforeAll(async () => {
    setDevice(new CpuDevice());
    await trainOn({ data, out: model });
  });

  it('are learnt, and measured by exact match and F1', async () => {
    expect(read(join(model, 'config.json')).architectures).toEqual(['BertForQuestionAnswering']);
    const history = read(join(model, 'history.json'));
    expect(history.monitor).toBe('f1');
    expect(history.epochs[0]).toMatchObject({ validExactMatch: expect.any(Number) });
    const { metrics, task, examples } = await evaluate({ model, data, maxLength: 24, stride: 6 });
    expect([task, examples]).toEqual(['question-answering', 16]);
    expect(metrics.exactMatch).toBeGreaterThan(0.8);
  });

  it('get answers by id as SQuAD writes them, which give the same figures', async () => {
    const out = join(dir, 'predictions.json');
    const sizes = { maxLength: 24, stride: 6 };
    await predictFile({ model, input: data, out, ...sizes });
    const answers = read(out);
    const questions = v1.flatMap(({ qas }) => qas);
    expect(Object.keys(answers)).toEqual(questions.map(({ id }) => id));
    const { f1, exactMatch } = squadReport(
      questions.map(({ id }) => answers[id]),
      questions.map((each) => each.answers.map(({ text }) => text)),
    );
    const { metrics } = await evaluate({ model, data, ...sizes });
    expect([metrics.f1, metrics.exactMatch]).toEqual([f1, exactMatch]);
  });

  it('in rows give the same model and answers as in the JSON of SQuAD', async () => {
    const rows = v1.map(({ context, qas: [{ question, answers }] }) => ({
      question,
      context,
      answers: { text: [answers[0].text], answer_start: [answers[0].answer_start] },
    }));
    const lines = file('rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    const quote = (text: unknown) => `"${String(text).replaceAll('"', '""')}"`;
    const cells = rows.map(({ question, context, answers }) =>
      [question, context, answers.text[0], answers.answer_start[0]].map(quote).join(','),
    );
    const csv = file('rows.csv', ['question,context,answer,answer_start', ...cells].join('\n'));
    const options = { epochs: 1, validSplit: 0.25 };
    const whole = await trainOn({ data, out: join(dir, 'again'), ...options });
    for (const path of [lines, csv]) {
      const { history } = await trainOn({ data: path, out: `${path}-out`, ...options });
      expect(history.steps).toEqual(whole.history.steps);
    }
    const table = join(dir, 'answers.jsonl');
    await predictFile({ model, input: csv, out: table, topK: 2 });
    const written = readFileSync(table, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(written.length).toBe(16);
    for (const { context, predicted_answer: answer, predicted_start: start, ...row } of written) {
      expect(context.slice(start, row.predicted_end)).toBe(answer);
      expect(row.predicted_top[0].answer).toBe(answer);
      expect(row.predicted_top.length).toBe(2);
    }
  });

  it('are refused by name and place when the answer is not there', async () => {
    const bad = structuredClone(squad(v1));
    const [{ paragraphs: list }] = bad.data;
    (list[1] as (typeof v1)[0]).qas[0].answers[0].answer_start += 1;
    (list[2] as (typeof v1)[0]).context = ' ';
    const { events } = await trainOn({
      data: file('bad.json', bad),
      out: join(dir, 'bad'),
      epochs: 1,
    });
    const skipped = events.find(({ event }) => event === 'skippedRows');
    expect(skipped).toMatchObject({
      problems: [
        {
          reason: expect.stringMatching(
            /^paragraphs\[1\]\.qas\[0\] \(id "q1"\): answer "music" is/,
          ),
        },
        { reason: 'paragraphs[2].qas[0] (id "q2"): the context is empty' },
      ],
    });
    const noColumn = file('no.csv', 'question,answer\na,b\n');
    await expect(trainOn({ data: noColumn, out: join(dir, 'no') })).rejects.toThrow(
      /no\.csv has no column of the context: expected question, context and answers/,
    );
  });

  it('go through predict and the pipeline', async () => {
    const context = 'the wonderful music was good';
    const result = await predict({ model, texts: [['wonderful what?', context]] });
    expect(result.task).toBe('question-answering');
    const qa = await pipeline('question-answering', model);
    const [best] = await qa.predict([{ question: 'wonderful what?', context }]);
    expect(best).toEqual({
      answer: context.slice(best.start, best.end),
      ...{ score: expect.any(Number), start: best.start, end: best.end },
    });
    const [[first, second]] = await qa.predict([{ question: 'wonderful what?', context }], {
      topK: 2,
    });
    expect(first).toEqual(best);
    expect(first.score).toBeGreaterThan(second.score);
    await expect(predict({ model, texts: ['alone'] })).rejects.toThrow(
      /`texts`: expected pairs of question and context/,
    );
    await expect(qa.predict([{ question: 'what?', context: ' ' }])).rejects.toThrow(
      'question 0: `context`: expected a text, got none',
    );
  });

  it('without answers are measured apart, and a resumed run ends with the same bits', async () => {
    const some = file('v2.json', squad(paragraphs));
    const options = { data: some, epochs: 2, saveEvery: 1, keep: 20 };
    const whole = await trainOn({ ...options, out: join(dir, 'v2') });
    const controller = new AbortController();
    const out = join(dir, 'stopped');
    await fineTune(
      {
        ...{ vocab, config, task: 'question-answering', learningRate: 1e-2, batchSize: 8 },
        ...{ patience: 12, maxLength: 24, stride: 6, ...options, out },
      },
      {
        signal: controller.signal,
        onEvent: ({ event }) => event === 'step' && controller.abort(),
      },
    );
    const resumed = await fineTune({ resume: out });
    expect(resumed.history.steps).toEqual(whole.history.steps);
    expect(resumed.history.epochs).toEqual(whole.history.epochs);
    const { metrics } = await evaluate({ model: out, data: some });
    expect(Object.keys(metrics)).toEqual([
      ...['f1', 'exactMatch', 'hasAnswerExactMatch', 'hasAnswerF1', 'noAnswerAccuracy'],
    ]);
    const rows = file('no-ids.jsonl', { question: 'who', context: 'the wonderful actor' });
    const twice = file('no-ids-2.jsonl', readFileSync(rows, 'utf8'));
    await expect(
      predictFile({ model: out, input: [rows, twice], out: join(dir, 'ids.json') }),
    ).rejects.toThrow('two questions have the id 0');
    // Logits differ by far less than the threshold.
    const answers = join(dir, 'empty.json');
    await predictFile({ model: out, input: some, out: answers, nullScoreDiffThreshold: -1e6 });
    expect(new Set(Object.values(read(answers)))).toEqual(new Set(['']));
  });
});

describe('choices', () => {
  const model = join(dir, 'choice');
  const rows = Array.from({ length: 24 }, (_, i) => {
    const label = i % 4;
    const endings = Array.from({ length: 4 }, (_, at) => (at === label ? 'good' : 'terrible'));
    return { sent1: `the film ${i}`, sent2: 'was', endings, label };
  });
  const swag = file(
    'swag.csv',
    [
      'sent1,sent2,ending0,ending1,ending2,ending3,label',
      ...rows.map(({ sent1, sent2, endings, label }) =>
        [sent1, sent2, ...endings, label].join(','),
      ),
    ].join('\n'),
  );
  const options = { task: 'multiple-choice', maxLength: 16, stride: undefined } as const;
  beforeAll(async () => {
    setDevice(new CpuDevice());
    await trainOn({ ...options, data: swag, out: model });
  });

  it('are learnt, measured and predicted', async () => {
    expect(read(join(model, 'config.json')).architectures).toEqual(['BertForMultipleChoice']);
    const { metrics, examples } = await evaluate({ model, data: swag });
    expect(examples).toBe(24);
    expect(metrics.accuracy).toBeGreaterThan(0.8);
    const out = join(dir, 'chosen.csv');
    await predictFile({ model, input: swag, out });
    const [header, ...lines] = readFileSync(out, 'utf8').trim().split('\n');
    expect(header).toBe(
      'sent1,sent2,ending0,ending1,ending2,ending3,label,choice,choice_text,score',
    );
    const right = lines.filter((line) => line.split(',')[6] === line.split(',')[7]);
    expect(right.length / 24).toBe(metrics.accuracy);
    await expect(predict({ model, texts: ['text'] })).rejects.toThrow(/chooses among texts/);
  });

  it('in lists, with letters or with names give the same run', async () => {
    const forms = [
      rows.map(({ sent1, sent2, endings, label }) => {
        return { context: sent1, question: sent2, options: endings, answer: 'ABCD'[label] };
      }),
      rows.map(({ sent1, sent2, endings, label }) => ({
        context: sent1,
        question: sent2,
        choices: { label: ['p', 'q', 'r', 's'], text: endings },
        answerKey: 'pqrs'[label],
      })),
      rows.map(({ sent1, sent2, endings, label }) => {
        return { sent1, sent2, endings, label: label + 1 };
      }),
    ];
    const whole = await trainOn({ ...options, data: swag, out: join(dir, 'swag'), epochs: 1 });
    for (const [i, form] of forms.entries()) {
      const data = file(`form-${i}.json`, form);
      const { history } = await trainOn({ ...options, data, out: `${data}-out`, epochs: 1 });
      expect(history.steps).toEqual(whole.history.steps);
    }
  });

  it('of different numbers are masked; broken rows are named', async () => {
    const some = rows.map(({ endings, label, ...row }, i) => {
      const fewer = i % 3 === 0 && label < 3;
      return { ...row, endings: fewer ? endings.slice(0, 3) : endings, label };
    });
    const broken = [
      { ...some[0], endings: ['one'] },
      { ...some[0], label: 7 },
      { ...some[0], label: 'x y' },
    ];
    const data = file('some.json', [...some, ...broken]);
    const events: InputEvent[] = [];
    const { metrics, skipped } = await evaluate(
      { model, data },
      { onEvent: (event) => events.push(event) },
    );
    expect([skipped, metrics.accuracy > 0.8]).toEqual([3, true]);
    const { problems } = events.find(({ event }) => event === 'skippedRows') as unknown as {
      problems: { reason: string }[];
    };
    expect(problems.map(({ reason }) => reason)).toEqual([
      'endings: expected two or more choices, got 1',
      'label: expected the number, letter or text of one of 3 choices, got "x y"',
      'label: expected one of 3 choices, got 7',
    ]);
  });
});
