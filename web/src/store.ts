import { useLayoutEffect, useReducer } from 'preact/hooks';
import type {
  Answer,
  BaseModel,
  BenchResult,
  BenchRow,
  CheckedSet,
  DeviceInfo,
  DeviceKind,
  Download,
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
  /** The browser keeps no files for the page, which can do nothing then. */
  keepsNothing?: boolean;
  /** What went wrong, for the person to read. */
  problem?: string;
}

/** For the shipped model. */
const settings: RunSettings = {
  ...{ epochs: 3, learningRate: 5e-4, batchSize: 32, maxLength: 48, seed: 42 },
};

export const viewOfHash = (): View => {
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
  try {
    await work();
  } catch (error) {
    set({ problem: (error as Error).message });
  }
}

/** The same for what a person asks for: what went wrong before is shown no longer. */
export function act(work: () => Promise<void>): Promise<void> {
  set({ problem: undefined });
  return attempt(work);
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
