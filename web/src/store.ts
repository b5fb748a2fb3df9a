import { useLayoutEffect, useReducer } from 'preact/hooks';
import { call, onEvent } from './client.ts';
import type {
  Answer,
  BaseModel,
  BenchResult,
  BenchRow,
  CheckedSet,
  DataSet,
  DeviceInfo,
  DeviceKind,
  Download,
  GivenFile,
  Progress,
  Run,
  RunSettings,
} from './engine/protocol.ts';
import { firstLanguage, type Language, languages, rememberLanguage } from './words/index.ts';

export type View = 'train' | 'runs' | 'bench';

/** A measurement of the machine. */
export interface Bench {
  rows: BenchRow[];
  busy: boolean;
  result?: BenchResult;
}

/** All that the page shows. */
export interface State {
  language: Language;
  view: View;
  device?: DeviceInfo;
  wished: DeviceKind | 'auto';
  data?: CheckedSet;
  base?: BaseModel;
  download?: Download;
  /** What is being read. */
  reading: boolean;
  settings: RunSettings;
  /** The run that the page is about. */
  run?: Run;
  progress?: Progress;
  /** The step that a run was resumed at. */
  resumedAt?: number;
  runs: Run[];
  bench: Bench;
  answers: Answer[];
  /** What went wrong, for the person to read. */
  problem?: string;
}

/** For the shipped model. */
const settings: RunSettings = {
  ...{ epochs: 3, learningRate: 5e-4, batchSize: 32, maxLength: 48, seed: 42 },
};

const viewOfHash = (): View => {
  const hash = location.hash.slice(1);
  return hash === 'runs' || hash === 'bench' ? hash : 'train';
};

let state: State = {
  ...{ language: firstLanguage(), view: viewOfHash(), wished: 'auto', reading: true },
  ...{ settings, runs: [], answers: [], bench: { rows: [], busy: false } },
};
const readers = new Set<() => void>();

export const getState = (): State => state;

export function set(patch: Partial<State>): void {
  state = { ...state, ...patch };
  for (const read of readers) read();
}

/** The state; what uses it is drawn again when it changes. */
export function useStore(): State {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  // Not after the next frame, as other effects: changes until then would be missed.
  useLayoutEffect(() => {
    const read = () => draw(undefined as never);
    readers.add(read);
    return () => void readers.delete(read);
  }, []);
  return state;
}

export const useWords = () => languages[useStore().language];

/** Runs work and shows what goes wrong. */
export async function attempt(work: () => Promise<void>): Promise<void> {
  set({ problem: undefined });
  try {
    await work();
  } catch (error) {
    set({ problem: (error as Error).message });
  }
}

export const isTraining = ({ run }: State): boolean => run?.status === 'running';
/** Whether the engine trains or measures: it does one of them at a time. */
export const isBusy = (all: State): boolean => isTraining(all) || all.bench.busy;
/** Whether the run has a model that can be tried. */
export const hasModel = ({ run }: State): boolean =>
  run !== undefined && (run.status === 'done' || (run.status === 'stopped' && run.step > 0));

export function chooseLanguage(language: Language): void {
  rememberLanguage(language);
  set({ language });
}

let readings = 0;

/** Reads what the page is to show. What was asked for last is shown, whatever takes longest. */
async function reading(work: () => Promise<Partial<State>>): Promise<void> {
  const turn = ++readings;
  set({ reading: true });
  await attempt(async () => {
    const patch = await work();
    if (turn === readings) set(patch);
  });
  if (turn === readings) set({ reading: false });
}

/** Opens the engine, the sample, and the run that was training when the page was closed. */
export async function begin(): Promise<void> {
  const wished = (new URLSearchParams(location.search).get('device') ?? 'auto') as DeviceKind;
  set({ wished });
  let unfinished: Run | undefined;
  await Promise.all([
    attempt(async () => set({ device: await call('open', wished) })),
    attempt(async () => {
      const base = await call('shippedModel');
      // Files may have been given meanwhile.
      set({ base: state.base ?? base });
    }),
    reading(async () => {
      const runs = await call('runs');
      set({ runs });
      unfinished = runs.find(({ status }) => status === 'running');
      const run = unfinished ?? runs[0];
      if (!run) return { data: await call('sample') };
      await openRun(run);
      return { data: await call('check', run.set) };
    }),
  ]);
  // A device is opened before the run begins to open its own.
  if (unfinished) await resume(unfinished);
}

async function openRun(run: Run, answers: Answer[] = []): Promise<void> {
  set({ run, progress: { run }, settings: run.settings, answers });
  const charts = await call('charts', run.id);
  if (state.run === run) set({ progress: { run, charts } });
}

/** Makes a run the one that the page is about. */
export const showRun = (run: Run): Promise<void> =>
  reading(async () => {
    set({ view: 'train' });
    location.hash = '#train';
    await openRun(run);
    return { data: await call('check', run.set) };
  });

export const chooseDevice = (wished: DeviceKind | 'auto'): Promise<void> =>
  attempt(async () => {
    set({ wished });
    const device = await call('open', wished);
    if (state.wished === wished) set({ device });
  });

export const useSample = (): Promise<void> => reading(async () => ({ data: await call('sample') }));

export const useShippedModel = (): Promise<void> =>
  attempt(async () => {
    await stopDownload();
    set({ base: await call('shippedModel') });
  });

let downloads = 0;

/** Takes the model of a name on the hub, once it is downloaded, unless another is asked for. */
export const useHubModel = (name: string): Promise<void> =>
  attempt(async () => {
    const turn = ++downloads;
    set({ download: { name } });
    const { model, refusal } = await call('hubModel', name);
    if (turn !== downloads) return;
    set({ download: refusal && { name, refusal }, ...(model && { base: model }) });
  });

export const stopDownload = (): Promise<void> =>
  attempt(async () => {
    downloads++;
    set({ download: undefined });
    await call('stopDownload');
  });

/** Takes files, once they are read from a drop. */
export const giveFiles = (given: GivenFile[] | Promise<GivenFile[]>): Promise<void> =>
  reading(async () => {
    const files = await given;
    if (files.length === 0) return {};
    const { data, model } = await call('give', files);
    if (model) await stopDownload();
    return { ...(data && { data }), ...(model && { base: model }) };
  });

export const changeColumns = (chosen: Partial<DataSet['chosen']>): Promise<void> =>
  attempt(async () => {
    const { set: before } = state.data!;
    const changed: DataSet = { ...before, chosen: { ...before.chosen, ...chosen } };
    set({ data: { ...state.data!, set: changed } });
    const data = await call('check', changed);
    if (state.data?.set === changed) set({ data });
  });

/** Follows a run to its end; until the engine tells of it, `expected` is shown. */
async function follow(expected: Run, run: Promise<Run>): Promise<void> {
  set({ run: { ...expected, status: 'running' }, answers: [], problem: undefined });
  try {
    set({ run: await run });
  } catch (error) {
    // Of what the engine told last; it may have told nothing yet.
    set({ run: { ...state.run!, status: 'failed', error: (error as Error).message } });
  }
  await attempt(async () => set({ runs: await call('runs') }));
}

export const startTraining = (): Promise<void> => {
  const { data, base, settings } = state;
  const [{ set: dataSet }, { task }] = [data!, data!.set.chosen];
  // The browser may keep what is written even when it needs room; training goes on if it refuses.
  navigator.storage.persist?.().catch(() => {});
  set({ progress: undefined, resumedAt: undefined });
  const counts = { step: 0, totalSteps: 0, train: 0, valid: 0, labels: [] };
  const about = { id: 0, name: dataSet.name, created: 0, base: base!, set: dataSet, task };
  return follow(
    { ...about, ...counts, settings, status: 'running' },
    call('train', { set: dataSet, base: base!, settings }),
  );
};

export const stopTraining = (): Promise<void> => attempt(() => call('stop'));

export const resume = (run: Run): Promise<void> => {
  set({ resumedAt: run.step, progress: undefined });
  return follow(run, call('resume', run.id));
};

/** Goes on with the answers; when that fails, they stay, with the run that they correct. */
export const learn = async (): Promise<void> => {
  const [run, answers] = [state.run!, state.answers];
  set({ resumedAt: undefined, progress: undefined });
  await follow({ ...run, id: 0, step: 0, totalSteps: 0 }, call('learn', run.id, answers));
  const { status, error = '' } = state.run!;
  if (status !== 'failed') return;
  await attempt(() => openRun(run, answers));
  set({ problem: languages[state.language].train.failed(error) });
};

export const removeRun = (id: number): Promise<void> =>
  attempt(async () => {
    const chosen = [state.data?.set.path, state.base?.path].filter((path) => path !== undefined);
    await call('remove', id, chosen);
    if (state.run?.id === id) set({ run: undefined, progress: undefined, answers: [] });
    set({ runs: await call('runs') });
  });

const setBench = (patch: Partial<Bench>): void => set({ bench: { ...state.bench, ...patch } });

export async function measure(): Promise<void> {
  set({ bench: { rows: [], busy: true } });
  await attempt(async () => setBench({ result: await call('bench') }));
  setBench({ busy: false });
}

onEvent((message) => {
  if (message.event === 'bench') setBench({ rows: [...state.bench.rows, message.row] });
  else if (message.event === 'download') {
    const { loaded, total } = message.progress;
    if (state.download) set({ download: { ...state.download, loaded, total } });
  } else {
    const { progress } = message;
    const charts = progress.charts ?? state.progress?.charts;
    // What a tab that was closed noted of a run may be older than its checkpoint.
    if (state.resumedAt !== undefined && !state.progress) set({ resumedAt: progress.run.step });
    set({ run: progress.run, progress: { ...progress, charts } });
  }
});

window.addEventListener('hashchange', () => set({ view: viewOfHash() }));
