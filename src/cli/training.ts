import { formatNames } from '../platform/format.ts';
import type { TrainingCallbacks } from '../train/recipes/events.ts';
import { type BegunFineTuning, type FineTuneOptions, fineTune } from '../train/recipes/fineTune.ts';
import type { FineTuneEvent } from '../train/recipes/fineTuneEvents.ts';
import type { FineTuneResult } from '../train/recipes/fineTuneRun.ts';
import { formatMetric, type Metric, metricKey, metricNames } from '../train/tasks/metric.ts';
import type { Task } from '../train/tasks/task.ts';
import type { EpochRecord } from '../train/trainer/history.ts';
import { aboutRun } from './aboutRun.ts';
import { reportInput } from './inputReports.ts';
import { createProgress, type Progress } from './progress.ts';
import { runLine } from './runEvents.ts';
import { interruptible, stoppedAfter } from './signals.ts';

type Start = Extract<FineTuneEvent, { event: 'start' }>;

/**
 * Fine-tunes and shows how it goes; with `json`, steps and epochs are printed as JSON.
 * @param openDevice opens the device, once the options are checked
 */
export const runFineTuning = (
  options: FineTuneOptions | { resume: string },
  display: TrainingDisplay,
  openDevice: OpenDevice,
): Promise<FineTuneResult> =>
  showTraining(options, display, openDevice, (callbacks) => fineTune(options, callbacks));

export interface TrainingDisplay {
  json: boolean;
  silent: boolean;
  /** In seconds. */
  maxTime?: number;
}

export type OpenDevice = (begun?: BegunFineTuning) => Promise<unknown>;

/** Shows how a training goes that `train` begins; as `runFineTuning`. */
export async function showTraining<R>(
  options: FineTuneOptions | { resume: string },
  { json, silent, maxTime }: TrainingDisplay,
  openDevice: OpenDevice,
  train: (callbacks: TrainingCallbacks<FineTuneEvent, BegunFineTuning>) => Promise<R>,
): Promise<R> {
  const say = silent ? () => {} : (line: string) => console.error(line);
  let progress: Progress | undefined;
  let start: Start | undefined;
  const { signal, listen, release } = interruptible(
    () => (progress?.log ?? say)('stopping after this step; press Ctrl-C again to leave at once'),
    maxTime,
  );
  const onEvent = (event: FineTuneEvent) => {
    switch (event.event) {
      case 'start':
        start = event;
        for (const line of startLines(event)) say(line);
        progress?.stop();
        progress = createProgress({
          totalSteps: event.totalSteps,
          totalEpochs: event.totalEpochs,
          firstStep: event.firstStep,
          unit: unitOf(event),
          silent,
        });
        break;
      case 'step': {
        const { examplesPerSecond: _, ...shown } = event;
        if (json) console.log(JSON.stringify(shown));
        progress!.update(event);
        break;
      }
      case 'epoch':
        if (json) console.log(JSON.stringify(event));
        progress!.log(epochLine(event, start!));
        break;
      case 'checkpoint':
        if (json) console.log(JSON.stringify(event));
        break;
      case 'earlyStop':
        progress!.log(earlyStopLine(event, start!));
        break;
      case 'interrupted':
        progress!.log(`${stoppedAfter(event.step)}: the model as it stands is in ${event.folder}`);
        break;
      case 'batchSize':
        say(runLine(event));
        break;
      case 'damaged':
      case 'deviceLost':
      case 'outOfMemory':
      case 'skippedStep':
        (progress?.log ?? console.error)(runLine(event));
        break;
      default:
        reportInput(event, silent, 'out' in options ? options : {});
    }
  };
  try {
    return await train({
      signal,
      onEvent,
      openDevice: async (begun) => {
        await openDevice(begun);
        listen();
      },
      about: aboutRun(),
    });
  } finally {
    progress?.stop();
    release();
  }
}

/** What the labels of a task without named labels are. */
const kindOf = {
  regression: 'scores',
  similarity: 'scores',
  'question-answering': 'answers in windows of their contexts',
  'multiple-choice': 'choices',
};

function startLines({ train, valid, labels, files: { task }, model, ...at }: Start): string[] {
  const kinds =
    kindOf[task.name as keyof typeof kindOf] ??
    `${labels.length} ${task.perToken ? 'tags' : 'labels'} (${formatNames(labels)})`;
  const { numHiddenLayers, hiddenSize } = model.config;
  const trained = model
    .parameters()
    .reduce((total, { size, requiresGrad }) => total + (requiresGrad ? size : 0), 0);
  const all = model.parameterCount;
  const part = trained === all ? '' : `, ${trained.toLocaleString('en')} of them trained`;
  const from = at.firstStep > 0 ? `; continuing after step ${at.firstStep}` : '';
  return [
    `data: ${train} examples to train on, ${valid} to validate with, ${kinds}${from}`,
    `model: ${numHiddenLayers} layers × ${hiddenSize}, ` +
      `${all.toLocaleString('en')} parameters${part}`,
  ];
}

/** What the examples are called. */
function unitOf({ files }: Start): string {
  const [{ words, pair, question }] = files.data.examples;
  if (words) return 'sentences';
  if (question) return 'windows';
  return pair === undefined ? 'texts' : 'pairs';
}

function earlyStopLine(
  { patience, monitor }: Extract<FineTuneEvent, { event: 'earlyStop' }>,
  { evalEvery }: Start,
): string {
  const unit = evalEvery === undefined ? 'epoch' : 'evaluation';
  const epochs = patience === 1 ? unit : `${patience} ${unit}s`;
  const metric = metricNames[monitor];
  return `stopped early: no better validation ${metric} in the last ${epochs} (--patience)`;
}

function epochLine(record: EpochRecord, { files: { task }, labels, evalEvery }: Start): string {
  const { epoch, step, trainLoss, validLoss, best } = record;
  const trained = figures(record, 'train', trainLoss, stepMetrics(task));
  const metrics = task.monitoredMetrics(labels);
  const validated =
    validLoss === undefined ? '' : ` · validation ${figures(record, 'valid', validLoss, metrics)}`;
  const saved = validLoss === undefined ? ' (saved)' : ' (best, saved)';
  const at = evalEvery === undefined ? `epoch ${epoch}` : `step ${step} (epoch ${epoch})`;
  return `${at}: ${trained}${validated}${best ? saved : ''}`;
}

const stepMetrics = ({ stepMetric }: Task): Metric[] => (stepMetric ? [stepMetric] : []);

function figures(
  record: EpochRecord,
  part: 'train' | 'valid',
  loss: number,
  metrics: readonly Metric[],
): string {
  const shown = metrics.map((metric) => {
    const value = record[metricKey(part, metric) as 'validF1']!;
    return `, ${metricNames[metric]} ${formatMetric(metric, value)}`;
  });
  return `loss ${loss.toFixed(3)}${shown.join('')}`;
}
