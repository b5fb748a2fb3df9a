import { once } from 'node:events';
import type { Device } from '../device/device.ts';
import type { DeviceOptions } from '../device/open.ts';
import { filesOf } from '../train/data/severalFiles.ts';
import type { TextInput } from '../train/pipelines/encode.ts';
import type { LabelScore } from '../train/pipelines/textClassification.ts';
import { type PredictStreamOptions, predictStream } from '../train/recipes/predict.ts';
import {
  type PredictFileOptions,
  predictFile,
  predictFileOptions,
} from '../train/recipes/predictFile.ts';
import type { PredictResult } from '../train/recipes/predictor.ts';
import { predictorOptions } from '../train/recipes/predictorOptions.ts';
import { reportInput } from './inputReports.ts';
import { openCliDevice } from './openDevice.ts';
import { pickOptions } from './options.ts';
import { countLines, createRowProgress } from './rowProgress.ts';
import { wigbertCommand } from './shell.ts';
import { interruptExitCode, interruptible } from './signals.ts';
import { checkAreTexts, splitPair, streamLines } from './texts.ts';

interface CommandOptions {
  device: Device['kind'] | 'auto';
  precision?: DeviceOptions['precision'];
  json?: boolean;
  quiet?: boolean;
  pairs?: boolean;
  /** Of standard input. */
  encoding?: string;
}

/** Predicts on texts, or on the lines of standard input, and prints a line for each. */
export async function predictTexts(
  given: string[],
  {
    device,
    precision,
    json = false,
    quiet = false,
    pairs,
    ...options
  }: CommandOptions & Omit<PredictStreamOptions, 'texts'>,
): Promise<void> {
  await checkAreTexts(given, (file) => {
    const call = wigbertCommand('predict', '--model', options.model, '--input', file);
    return `for the texts in it: ${call}`;
  });
  const lines = given.length > 0 ? given : await begun(streamLines(options.encoding));
  await openCliDevice(device, json || quiet, precision);
  const stream = predictStream(
    { ...pickOptions(options, predictorOptions), texts: inputsOf(lines, pairs) },
    { onEvent: (event) => reportInput(event, json || quiet) },
  );
  for await (const { texts, result } of stream) {
    const shown = texts.map((text) => (typeof text === 'string' ? text : text.join('\t')));
    const printed = json
      ? result.predictions.map((each, i) => JSON.stringify({ text: shown[i], ...each }))
      : linesOf(result, shown);
    await print(`${printed.join('\n')}\n`);
  }
}

/** Waits for the first item: what is wrong at once is known before a device is opened. */
async function begun<T>(items: AsyncGenerator<T>): Promise<AsyncGenerator<T>> {
  const first = await items.next();
  return (async function* () {
    if (!first.done) yield first.value;
    yield* items;
  })();
}

async function* inputsOf(
  lines: Iterable<string> | AsyncIterable<string>,
  pairs: boolean | undefined,
): AsyncGenerator<TextInput> {
  let i = 0;
  for await (const line of lines) yield pairs ? splitPair(line, i++) : line;
}

/** What is printed for people; of words, the lines of a file that `train` reads. */
function linesOf(result: PredictResult, texts: readonly string[]): string[] {
  switch (result.task) {
    case 'classification':
      return result.predictions.map(({ label, score, top }, i) =>
        top && label !== null
          ? `${scored(top)}\t${texts[i]}`
          : `${label ?? '–'}\t${score.toFixed(4)}\t${texts[i]}`,
      );
    case 'regression':
    case 'similarity':
      return result.predictions.map(({ score }, i) => `${score.toFixed(4)}\t${texts[i]}`);
    case 'multi-label':
      return result.predictions.map(({ labels, scores, top }, i) => {
        const chosen = top ?? labels.map((label) => ({ label, score: scores[label] }));
        return `${scored(chosen) || '–'}\t${texts[i]}`;
      });
    case 'token-classification':
      return result.predictions.flatMap(({ words }) => [
        ...words.map(({ word, start, end, entity, score }) =>
          [word, start, end, score.toFixed(4), entity].join('\t'),
        ),
        '',
      ]);
    case 'question-answering':
      return result.predictions.flatMap(({ top, ...best }, i) =>
        (top ?? [best]).map(({ answer, score, start, end }) =>
          [answer || '–', score.toFixed(4), start, end, texts[i].split('\t')[0]].join('\t'),
        ),
      );
    case 'multiple-choice':
      return result.predictions.map(
        ({ choice, score, text }) => `${choice}\t${score.toFixed(4)}\t${text}`,
      );
  }
}

const scored = (labels: readonly LabelScore[]): string =>
  labels.map(({ label, score }) => `${label} ${score.toFixed(4)}`).join(', ');

/** Predicts on a file, and writes its table with what is predicted. */
export async function predictOnFile({
  device: kind,
  precision,
  json = false,
  quiet = false,
  pairs: _,
  out,
  ...options
}: CommandOptions & Omit<PredictFileOptions, 'out'> & { out?: string }): Promise<void> {
  const silent = json || quiet;
  const device = await openCliDevice(kind, silent, precision);
  const progress = createRowProgress({
    totalLines: silent ? undefined : await linesOfFiles(filesOf(options.input)),
    // On a terminal the table itself shows how far it is.
    silent: silent || (out === undefined && process.stdout.isTTY),
  });
  const { signal, listen, release } = interruptible(() =>
    progress.log('stopping; press Ctrl-C again to leave at once'),
  );
  listen();
  try {
    const { task, rows, skipped } = await predictFile(
      {
        ...pickOptions(options, predictFileOptions),
        out: out ?? print,
        ...(json && out === undefined && { outFormat: 'jsonl' }),
      },
      {
        signal,
        onEvent: (event) => {
          if (event.event === 'progress') progress.update(event);
          else reportInput(event, silent);
        },
      },
    );
    progress.stop();
    if (out === undefined) return;
    const adapter = { device: device.kind, adapter: device.description };
    console.log(
      json ? JSON.stringify({ out, task, rows, skipped, ...adapter }) : `${out}: ${rows} rows`,
    );
  } catch (error) {
    progress.stop();
    if (!signal.aborted || error !== signal.reason) throw error;
    console.error(out === undefined ? 'stopped' : `stopped: ${out} is not written`);
    process.exitCode = interruptExitCode();
  } finally {
    release();
  }
}

/** Lines of all files; undefined if those of one are unknown. */
async function linesOfFiles(files: readonly string[]): Promise<number | undefined> {
  const lines = await Promise.all(files.map(countLines));
  return lines.reduce((sum, each) =>
    sum === undefined || each === undefined ? undefined : sum + each,
  );
}

/** Prints a text; waits while the reader of a pipe is slower. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
