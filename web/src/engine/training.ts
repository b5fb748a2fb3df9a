import { DeviceLostError } from 'wigbert';
import { type FineTuneEvent, fineTune, History, taskOf } from 'wigbert/train';
import { metricKey } from '../../../src/train/tasks/metric.ts';
import { deviceInfo, forgetDevice, useDeviceOf } from './device.ts';
import { labelledRows, splitRows } from './labelled.ts';
import { lessonOf } from './lessons.ts';
import type { Answer, Progress, Run, TrainRequest } from './protocol.ts';
import {
  chartsOf,
  dataFile,
  findRun,
  historyOf,
  isHeld,
  modelFolder,
  newRun,
  readRows,
  saveRun,
  writeRows,
} from './runs.ts';

/**
 * Steps between two checkpoints, at most, and checkpoints in a run, at least. One takes as long as
 * some five steps, whatever the size of the model.
 */
const [SAVE_EVERY, LEAST_SAVES] = [50, 3];
/** Milliseconds between two reports to the page, and between two drawings. */
const [REPORT_EVERY, DRAW_EVERY] = [200, 600];

/** Ends the training that there is. */
let current: AbortController | undefined;

export const isTraining = (): boolean => current !== undefined;
export const stop = (): void => current?.abort();

/** Runs a training, unless there is another: it can be stopped from the first moment on. */
async function claimed(work: (signal: AbortSignal) => Promise<Run>): Promise<Run> {
  if (current) throw new Error('another run is training');
  current = new AbortController();
  try {
    return await work(current.signal);
  } finally {
    current = undefined;
  }
}

type StepRecord = History['steps'][number];
type EpochRecord = History['epochs'][number];
type Report = (progress: Progress) => void;

/** Begins a run. */
export const train = ({ set, base, settings }: TrainRequest, report: Report): Promise<Run> =>
  claimed(async (signal) => {
    const { task } = set.chosen;
    const rows = splitRows(await labelledRows(set), task, settings.seed);
    const run = await newRun(async (id) => {
      for (const part of ['valid', 'train'] as const)
        await writeRows(dataFile(id, part), rows[part]);
      return keepRun({ ...freshRun(id, set.name), base, set, task, settings });
    });
    return begin(run, report, signal);
  });

async function keepRun(run: Run): Promise<Run> {
  await saveRun(run);
  return run;
}

const freshRun = (id: number, name: string) => ({
  ...{ id, name, status: 'running' as const, created: Date.now() },
  ...{ labels: [], step: 0, totalSteps: 0, train: 0, valid: 0 },
});

async function begin(run: Run, report: Report, signal: AbortSignal): Promise<Run> {
  const { task, settings } = run;
  const { seed, epochs, batchSize, learningRate, maxLength } = settings;
  const rows = await readRows(dataFile(run.id, 'train'));
  const steps = epochs * Math.ceil(rows.length / batchSize);
  const saveEvery = Math.max(1, Math.min(SAVE_EVERY, Math.floor(steps / LEAST_SAVES)));
  return follow(run, report, signal, (callbacks) =>
    fineTune(
      {
        ...{ data: dataFile(run.id, 'train'), valid: dataFile(run.id, 'valid') },
        // What goes on from another run keeps its classifier, with the order of its labels.
        ...{ task, model: run.base.path, replaceHead: run.parent === undefined },
        out: modelFolder(run.id),
        ...{ seed, epochs, batchSize, learningRate, maxLength, groupByLength: true },
        ...{ patience: epochs, saveEvery, overwrite: true },
      },
      callbacks,
    ),
  );
}

/** Goes on with a run that was stopped, in whatever way. */
export const resume = (id: number, report: Report): Promise<Run> =>
  claimed(async (signal) => {
    const run = await findRun(id);
    const history = await historyOf(id);
    // Closed before its first checkpoint.
    if (!history) return begin(run, report, signal);
    const goOn = (callbacks: Callbacks) => fineTune({ resume: modelFolder(id) }, callbacks);
    return follow(run, report, signal, goOn, history);
  });

type Callbacks = NonNullable<Parameters<typeof fineTune>[1]>;

/** Runs a training, reports how it goes, and keeps what has become of it. */
async function follow(
  run: Run,
  report: Report,
  signal: AbortSignal,
  start: (callbacks: Callbacks) => ReturnType<typeof fineTune>,
  history?: History,
): Promise<Run> {
  const watch = new Watch({ ...run, status: 'running', error: undefined }, report, history);
  await saveRun(watch.run);
  try {
    const onEvent = (event: FineTuneEvent) => watch.hear(event);
    // It may have been stopped while its rows were read.
    const interrupted =
      signal.aborted || (await start({ signal, openDevice: useDeviceOf, onEvent })).interrupted;
    watch.run.status = interrupted ? 'stopped' : 'done';
  } catch (error) {
    if (error instanceof DeviceLostError) forgetDevice();
    // The lock of this tab is given back: another tab trains it, and keeps what becomes of it.
    if (await isHeld(run.id)) throw error;
    watch.run.status = 'failed';
    watch.run.error = (error as Error).message;
  }
  await watch.saved;
  await saveRun(watch.run);
  watch.tell(true);
  return watch.run;
}

/** Follows the events of a run. */
class Watch {
  readonly run: Run;
  /** Settles once what was noted of the run is written. */
  saved: Promise<void> = Promise.resolve();
  readonly #report: Report;
  #monitor: History['monitor'];
  #steps: StepRecord[];
  #epochs: EpochRecord[];
  #pace: Omit<Progress, 'run' | 'charts'> = {};
  #told = 0;
  #drawn = 0;

  constructor(run: Run, report: Report, { monitor, steps, epochs } = new History()) {
    this.run = run;
    this.#report = report;
    this.#monitor = monitor;
    this.#steps = [...steps];
    this.#epochs = [...epochs];
  }

  get #history(): History {
    return new History(this.#monitor, { steps: this.#steps, evaluations: this.#epochs });
  }

  hear(event: FineTuneEvent): void {
    const { run } = this;
    if (event.event === 'start') this.#start(event);
    else if (event.event === 'step') {
      const { step, loss, accuracy, examplesPerSecond } = event;
      this.#steps.push(recordOf(event));
      run.step = step;
      const left = (run.totalSteps - step) * run.settings.batchSize;
      this.#pace = {
        ...{ loss, accuracy, perSecond: examplesPerSecond },
        secondsLeft: left / examplesPerSecond,
      };
      this.tell(step === 1);
    } else if (event.event === 'epoch') {
      // Only one epoch is the best.
      if (event.best) this.#epochs = this.#epochs.map((each) => ({ ...each, best: false }));
      this.#epochs.push(recordOf(event));
      run.best = bestOf(this.#history);
      this.tell(true);
    } else if (event.event === 'checkpoint') this.#save();
    else if (event.event === 'deviceLost') forgetDevice();
  }

  /** Notes how far the run is, one after the other: the latest is to stay. */
  #save(): void {
    const run = { ...this.run };
    // Where it cannot be written, the checkpoint tells.
    this.saved = this.saved.then(() => saveRun(run)).catch(console.error);
  }

  /** A run begins, or goes on from a checkpoint: later records are made once more. */
  #start(event: Extract<FineTuneEvent, { event: 'start' }>): void {
    const { run } = this;
    const { train, valid, labels, totalSteps, firstStep, model } = event;
    this.#monitor = taskOf(model).monitoredMetrics(labels)[0];
    this.#steps = this.#steps.filter(({ step }) => step <= firstStep);
    this.#epochs = this.#epochs.filter(({ step }) => step <= firstStep);
    Object.assign(run, { train, valid, labels: [...labels], totalSteps, step: firstStep });
    run.best = bestOf(this.#history);
    run.device = deviceInfo();
    this.tell(true);
  }

  /** Tells the page, unless it was told a moment ago. */
  tell(now = false): void {
    const time = performance.now();
    if (!now && time - this.#told < REPORT_EVERY) return;
    this.#told = time;
    const draws = now || time - this.#drawn > DRAW_EVERY;
    if (draws) this.#drawn = time;
    const charts = draws && this.#steps.length > 0 && { charts: chartsOf(this.#history) };
    this.#report({ run: { ...this.run }, ...this.#pace, ...charts });
  }
}

const recordOf = <T extends { event: string }>({ event: _, ...record }: T): Omit<T, 'event'> =>
  record;

/** The best evaluation's value of the metric that decides. */
function bestOf({ monitor, bestEpoch }: History): Run['best'] {
  if (!bestEpoch) return undefined;
  const value = bestEpoch[metricKey('valid', monitor)];
  return value === undefined ? undefined : { metric: monitor, value };
}

const LEARN_EPOCHS = 2;

/** Goes on training with what a person answered, from the model of a run. */
export const learn = (parent: number, answers: Answer[], report: Report): Promise<Run> =>
  claimed(async (signal) => {
    const from = await findRun(parent);
    const all = await readRows(dataFile(parent, 'rows'));
    const before = all.length > 0 ? all : await readRows(dataFile(parent, 'train'));
    const valid = await readRows(dataFile(parent, 'valid'));
    const lesson = lessonOf(before, valid, answers, from.task);
    const { set, task, settings } = from;
    const base = { name: `${from.name} #${parent}`, path: modelFolder(parent) };
    // The rate of a first lesson holds for those after it: each learns as much of its answers.
    const learningRate = settings.learningRate / (from.parent === undefined ? 2 : 1);
    const next = { ...settings, epochs: LEARN_EPOCHS, learningRate };
    const run = await newRun(async (id) => {
      for (const part of ['rows', 'valid', 'train'] as const)
        await writeRows(dataFile(id, part), lesson[part]);
      return keepRun({ ...freshRun(id, from.name), parent, base, set, task, settings: next });
    });
    return begin(run, report, signal);
  });
