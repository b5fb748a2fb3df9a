import { useEffect, useReducer } from 'preact/hooks';
import { call, onEvent } from './client.ts';
import type {
  Answer,
  BaseModel,
  BenchRow,
  CheckedSet,
  DataSet,
  DeviceInfo,
  DeviceKind,
  GivenFile,
  Progress,
  Run,
  RunSettings,
} from './engine/protocol.ts';
import { firstLanguage, type Language, languages, rememberLanguage } from './words/index.ts';

export type View = 'train' | 'runs' | 'bench';

/** All that the page shows. */
export interface State {
  language: Language;
  view: View;
  device?: DeviceInfo;
  wished: DeviceKind | 'auto';
  data?: CheckedSet;
  base?: BaseModel;
  /** What is being read. */
  reading: boolean;
  settings: RunSettings;
  /** The run that the page is about. */
  run?: Run;
  progress?: Progress;
  /** The step that a run was resumed at. */
  resumedAt?: number;
  runs: Run[];
  benchRows: BenchRow[];
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
  ...{ settings, runs: [], benchRows: [], answers: [] },
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
  useEffect(() => {
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
/** Whether the run has a model that can be tried. */
export const hasModel = ({ run }: State): boolean =>
  run !== undefined && (run.status === 'done' || (run.status === 'stopped' && run.step > 0));

export function chooseLanguage(language: Language): void {
  rememberLanguage(language);
  set({ language });
}

/** Opens the engine, the sample, and the run that was training when the page was closed. */
export async function begin(): Promise<void> {
  const wished = (new URLSearchParams(location.search).get('device') ?? 'auto') as DeviceKind;
  await attempt(async () => {
    const opening = call('open', wished);
    const copying = call('shippedModel');
    const runs = await call('runs');
    const unfinished = runs.find(({ status }) => status === 'running');
    const latest = unfinished ?? runs[0];
    const checking = latest ? call('check', latest.set) : call('sample');
    set({ runs, wished });
    if (latest) await openRun(latest);
    const [device, base, data] = await Promise.all([opening, copying, checking]);
    // Files may have been given meanwhile.
    set({ device, data: state.data ?? data, base: state.base ?? base, reading: false });
    if (unfinished) await resume(unfinished);
  });
}

async function openRun(run: Run): Promise<void> {
  const charts = await call('charts', run.id);
  set({ run, progress: { run, charts }, settings: run.settings, answers: [] });
}

/** Makes a run the one that the page is about. */
export const showRun = (run: Run): Promise<void> =>
  attempt(async () => {
    await openRun(run);
    set({ data: await call('check', run.set), view: 'train' });
    location.hash = '#train';
  });

export const chooseDevice = (wished: DeviceKind | 'auto'): Promise<void> =>
  attempt(async () => set({ wished, device: await call('open', wished) }));

export const useSample = (): Promise<void> =>
  attempt(async () => {
    set({ reading: true });
    set({ data: await call('sample'), reading: false });
  });

export const useShippedModel = (): Promise<void> =>
  attempt(async () => set({ base: await call('shippedModel') }));

export async function giveFiles(files: GivenFile[]): Promise<void> {
  if (files.length === 0) return;
  set({ reading: true });
  await attempt(async () => {
    const { data, model } = await call('give', files);
    set({ ...(data && { data }), ...(model && { base: model }) });
  });
  set({ reading: false });
}

export const changeColumns = (chosen: Partial<DataSet['chosen']>): Promise<void> =>
  attempt(async () => {
    const set_ = { ...state.data!.set, chosen: { ...state.data!.set.chosen, ...chosen } };
    set({ data: { ...state.data!, set: set_ } });
    set({ data: await call('check', set_) });
  });

/** Follows a run to its end; until the engine tells of it, `expected` is shown. */
async function follow(expected: Run, run: Promise<Run>): Promise<void> {
  set({ run: { ...expected, status: 'running' }, answers: [], problem: undefined });
  try {
    set({ run: await run });
  } catch (error) {
    set({ run: { ...expected, status: 'failed', error: (error as Error).message } });
  }
  set({ runs: await call('runs') });
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

export const stopTraining = (): Promise<void> => call('stop');

export const resume = (run: Run): Promise<void> => {
  set({ resumedAt: run.step });
  return follow(run, call('resume', run.id));
};

export const learn = (): Promise<void> => {
  const { run, answers } = state;
  set({ resumedAt: undefined, progress: undefined });
  return follow({ ...run!, step: 0, totalSteps: 0 }, call('learn', run!.id, answers));
};

export const removeRun = (id: number): Promise<void> =>
  attempt(async () => {
    const chosen = [state.data?.set.path, state.base?.path].filter((path) => path !== undefined);
    await call('remove', id, chosen);
    if (state.run?.id === id) set({ run: undefined, progress: undefined, answers: [] });
    set({ runs: await call('runs') });
  });

onEvent((message) => {
  if (message.event === 'bench') set({ benchRows: [...state.benchRows, message.row] });
  else {
    const { progress } = message;
    const charts = progress.charts ?? state.progress?.charts;
    set({ run: progress.run, progress: { ...progress, charts } });
  }
});

window.addEventListener('hashchange', () => set({ view: viewOfHash() }));
