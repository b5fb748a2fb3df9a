/** What a trained model says of texts. */
import {
  guessColumns,
  type Prediction,
  pipeline,
  readData,
  type TextClassificationPipeline,
} from 'wigbert/train';
import { removePrivate, writePrivate } from '../../../src/platform/browser/privateFiles.ts';
import { fetchSite } from './data.ts';
import { useDeviceOf } from './device.ts';
import type { DataSet, Judged, Run } from './protocol.ts';
import { dataFile, findRun, modelFolder, type Row, readRows } from './runs.ts';
import { fillFolder } from './storage.ts';
import { isTraining } from './training.ts';

const TEXTS = 'opfs:/texts';

interface LoadedModel {
  run: Run;
  classifier: TextClassificationPipeline;
}

/** The model that is loaded, or is being loaded. */
let loaded: { id: number; model: Promise<LoadedModel> } | undefined;
/** Ends what judges many texts, of each kind. */
const judging = new Map<'mistakes' | 'unlabelled', AbortController>();

/** Forgets what is loaded of a run, whose folder has changed, and what it still judges. */
export function forget(): void {
  loaded = undefined;
  for (const controller of judging.values()) controller.abort();
}

async function load(id: number): Promise<LoadedModel> {
  if (isTraining()) throw new Error('training');
  if (loaded?.id === id) return loaded.model;
  const mine = { id, model: open(id) };
  loaded = mine;
  return mine.model.catch((error) => {
    // What failed may be tried once more.
    if (loaded === mine) loaded = undefined;
    throw error;
  });
}

async function open(id: number): Promise<LoadedModel> {
  await useDeviceOf();
  const run = await findRun(id);
  return { run, classifier: await pipeline('text-classification', modelFolder(id)) };
}

/**
 * Judges texts of a kind until others are to be judged, or the model is forgotten: then none, as in
 * a training, which the page may not know of yet.
 */
async function judgeMany(
  kind: 'mistakes' | 'unlabelled',
  work: (signal: AbortSignal) => Promise<Judged[]>,
): Promise<Judged[]> {
  judging.get(kind)?.abort();
  if (isTraining()) return [];
  const controller = new AbortController();
  judging.set(kind, controller);
  const { signal } = controller;
  try {
    return await work(signal);
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}

type Text = string | [string, string];

async function scoresOf(
  id: number,
  texts: readonly Text[],
  signal?: AbortSignal,
): Promise<Prediction[]> {
  const { run, classifier } = await load(id);
  const { maxLength } = run.settings;
  return classifier.predict(texts, { maxLength, signal });
}

const judge = (text: Text, { scores }: Prediction, id: number): Judged =>
  typeof text === 'string' ? { id, text, scores } : { id, text: text[0], pair: text[1], scores };

export async function predict(id: number, texts: Text[], signal?: AbortSignal): Promise<Judged[]> {
  const predictions = await scoresOf(id, texts, signal);
  return texts.map((text, i) => judge(text, predictions[i], i));
}

const textOf = ({ text, pair }: Row): Text => (pair === undefined ? text : [text, pair]);

/** How wrong the model is on an example: its probability's distance from the label. */
function wrongness({ label = [], score, scores }: Judged): number {
  if (score !== undefined) return Math.abs(score - Object.values(scores)[0]);
  return Object.entries(scores).reduce(
    (most, [name, value]) => Math.max(most, label.includes(name) ? 1 - value : value),
    0,
  );
}

/** The validation examples, those that the model is most wrong on first. */
export const mistakes = (id: number): Promise<Judged[]> =>
  judgeMany('mistakes', async (signal) => {
    const rows = await readRows(dataFile(id, 'valid'));
    const predictions = await scoresOf(id, rows.map(textOf), signal);
    const judged = rows.map((row, i): Judged => {
      const { label } = row;
      const known = typeof label === 'number' ? { score: label } : { label: [label].flat() };
      return { ...judge(textOf(row), predictions[i], i), ...known };
    });
    return judged.sort((a, b) => wrongness(b) - wrongness(a));
  });

/** How sure the model is: the distance between its two likeliest labels, or from a half. */
function certainty({ scores }: Judged, task: Run['task']): number {
  // A score says nothing of it: texts stay in their order.
  if (task === 'regression') return 0;
  const values = Object.values(scores);
  if (task === 'multi-label') return Math.min(...values.map((value) => Math.abs(value - 0.5)));
  const [first, second = 0] = values.toSorted((a, b) => b - a);
  return first - second;
}

/** A file of texts; one without a table has a text in each line. */
async function tableOf(file: File): Promise<{ name: string; content: Blob }> {
  const { name } = file;
  if (!/\.txt$/i.test(name)) return { name, content: file };
  const lines = (await file.text()).split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines[0]?.includes('\t')) return { name, content: file };
  return {
    name: `${name}.jsonl`,
    content: new Blob(lines.map((text) => `${JSON.stringify({ text })}\n`)),
  };
}

/** The texts of a file without labels, pairs if those of a set are. */
async function readTexts(path: string, { chosen }: DataSet): Promise<Text[]> {
  const { textColumn, pairColumn } = await guessColumns(path);
  const { examples } = await readData(path, {
    ...{ textColumn, labelOptional: true },
    ...(chosen.pairColumn !== undefined && { pairColumn }),
  });
  return examples.map(({ text, pair }) => (pair === undefined ? text : [text, pair]));
}

/** Texts of a file, or of the site, those that the model is least sure of first. */
export const unlabelled = (id: number, file?: File): Promise<Judged[]> =>
  judgeMany('unlabelled', async (signal) => {
    const { task, set } = await findRun(id);
    const { name, content } = file
      ? await tableOf(file)
      : { name: 'reviews-ko-test.tsv', content: await fetchSite('data/reviews-ko-test.tsv') };
    // In a folder of its own: another file of this name may be read at the same time.
    const folder = await fillFolder(TEXTS, async (number) => {
      await writePrivate(`${TEXTS}/${number}/${name}`, content);
      return `${TEXTS}/${number}`;
    });
    const texts = await readTexts(`${folder}/${name}`, set).finally(() => removePrivate(folder));
    const judged = await predict(id, texts, signal);
    return judged.sort((a, b) => certainty(a, task) - certainty(b, task));
  });
