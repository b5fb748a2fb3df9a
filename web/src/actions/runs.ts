/** What a person does about runs. */
import { call } from '../client.ts';
import type { Answer, DeviceKind, Run } from '../engine/protocol.ts';
import { act, attempt, getState, type State, set } from '../store.ts';
import { languages } from '../words/index.ts';
import { reading } from './data.ts';

/** Browsers refuse it over http, and some in private windows. */
async function canKeepFiles(): Promise<boolean> {
  try {
    await navigator.storage.getDirectory();
    return true;
  } catch {
    return false;
  }
}

/** Opens the engine, the sample, and the run that was training when the page was closed. */
export async function begin(): Promise<void> {
  if (!(await canKeepFiles())) return set({ keepsNothing: true });
  const wished = (new URLSearchParams(location.search).get('device') ?? 'auto') as DeviceKind;
  set({ wished });
  let unfinished: Run | undefined;
  await Promise.all([
    attempt(async () => set({ device: await call('open', wished) })),
    attempt(async () => {
      const base = await call('shippedModel');
      // Files may have been given meanwhile.
      set({ base: getState().base ?? base });
    }),
    reading(async () => {
      const runs = await call('runs');
      set({ runs });
      unfinished = runs.find(({ status }) => status === 'running');
      const run = unfinished ?? runs[0];
      if (!run) return { data: await call('sample') };
      await openRun(run);
      return beginningOf(run);
    }),
  ]);
  // A device is opened before the run begins to open its own.
  if (unfinished) await resume(unfinished);
}

async function openRun(run: Run, answers: Answer[] = []): Promise<void> {
  const { settings } = firstOf(run) ?? getState();
  set({ run, progress: { run }, settings, answers });
  const charts = await call('charts', run.id);
  if (getState().run === run) set({ progress: { run, charts } });
}

/** The run that a run which learnt from answers goes back to, unless it is deleted; else itself. */
function firstOf(run: Run): Run | undefined {
  let first: Run | undefined = run;
  while (first?.parent !== undefined) {
    const { parent }: Run = first;
    first = getState().runs.find(({ id }) => id === parent);
  }
  return first;
}

/** What a run learnt from, and the base model that it goes back to. */
const beginningOf = async (run: Run): Promise<Partial<State>> => ({
  data: await call('check', run.set),
  base: firstOf(run)?.base ?? getState().base,
});

/** Asks whether answers that no run has learnt from may be lost, if there are any. */
function mayLoseAnswers(): boolean {
  const { answers, language } = getState();
  return answers.length === 0 || confirm(languages[language].try.lose(answers.length));
}

/** Makes a run the one that the page is about. */
export async function showRun(run: Run): Promise<void> {
  if (!mayLoseAnswers()) return;
  await reading(async () => {
    set({ view: 'train' });
    location.hash = '#train';
    await openRun(run);
    return beginningOf(run);
  });
}

/** Reads the list of runs once more. */
export const listRuns = (): Promise<void> => attempt(async () => set({ runs: await call('runs') }));

/** Follows a run to its end; until the engine tells of it, `expected` is shown. */
async function follow(expected: Run, run: Promise<Run>): Promise<void> {
  set({ run: { ...expected, status: 'running' }, problem: undefined });
  try {
    set({ run: await run });
  } catch (error) {
    // Of what the engine told last; it may have told nothing yet.
    set({ run: { ...getState().run!, status: 'failed', error: (error as Error).message } });
  }
  await listRuns();
}

export async function startTraining(): Promise<void> {
  if (!mayLoseAnswers()) return;
  const { data, base, settings } = getState();
  const [{ set: dataSet }, { task }] = [data!, data!.set.chosen];
  // The browser may keep what is written even when it needs room; training goes on if it refuses.
  navigator.storage.persist?.().catch(() => {});
  set({ progress: undefined, resumedAt: undefined, answers: [] });
  const counts = { step: 0, totalSteps: 0, train: 0, valid: 0, labels: [] };
  const about = { id: 0, name: dataSet.name, created: 0, base: base!, set: dataSet, task };
  await follow(
    { ...about, ...counts, settings, status: 'running' },
    call('train', { set: dataSet, base: base!, settings }),
  );
}

export const stopTraining = (): Promise<void> => act(() => call('stop'));

/** Goes on with a run; answers about it stay. */
export const resume = (run: Run): Promise<void> => {
  set({ resumedAt: run.step, progress: undefined });
  return follow(run, call('resume', run.id));
};

/** Goes on with the answers; when that fails, they stay, with the run that they correct. */
export const learn = async (): Promise<void> => {
  const { run, answers, language } = getState();
  set({ resumedAt: undefined, progress: undefined, answers: [] });
  await follow({ ...run!, id: 0, step: 0, totalSteps: 0 }, call('learn', run!.id, answers));
  const { status, error = '' } = getState().run!;
  if (status !== 'failed') return;
  await attempt(() => openRun(run!, answers));
  set({ problem: languages[language].train.failed(error) });
};

export const removeRun = (id: number): Promise<void> =>
  act(async () => {
    const { data, base, run } = getState();
    const chosen = [data?.set.path, base?.path].filter((path) => path !== undefined);
    await call('remove', id, chosen);
    if (run?.id === id) set({ run: undefined, progress: undefined, answers: [] });
    await listRuns();
  });
