import { beforeEach, describe, expect, it, vi } from 'vitest';
import { changeColumns, giveFiles } from '../../web/src/actions/data.ts';
import { begin, resume, showRun, startTraining } from '../../web/src/actions/runs.ts';
import type { CheckedSet, DataSet, Run } from '../../web/src/engine/protocol.ts';
import { act, attempt, chooseLanguage, getState, set } from '../../web/src/store.ts';
import { languages } from '../../web/src/words/index.ts';

const engine = vi.hoisted(() => {
  const refuse = () => {
    throw new DOMException('nothing is kept', 'SecurityError');
  };
  vi.stubGlobal('localStorage', { getItem: refuse, setItem: refuse });
  vi.stubGlobal('location', { hash: '', search: '' });
  vi.stubGlobal('navigator', { languages: ['en'], storage: { getDirectory: async () => {} } });
  return { call: vi.fn() };
});
vi.mock('../../web/src/client.ts', () => engine);

/** What the engine answers, by the name of the method. */
function answer(answers: Record<string, (...args: never[]) => unknown>): void {
  engine.call.mockImplementation(async (method: string, ...args: never[]) =>
    answers[method]?.(...args),
  );
}

const dataSet = { id: 1, name: 'a.csv', chosen: { task: 'classification' } } as DataSet;
const checked = { set: dataSet, check: {} } as CheckedSet;
const { settings } = getState();
const runOf = (id: number, more: Partial<Run> = {}) =>
  ({
    ...{ id, set: dataSet, settings, status: 'done', labels: [], task: 'classification' },
    ...{ base: { name: `base ${id}`, path: `opfs:/models/${id}` }, ...more },
  }) as Run;
const answers = [{ text: 'a', label: ['no'] }];

beforeEach(() => {
  engine.call.mockReset();
  set({ ...{ problem: undefined, data: checked, base: undefined, settings }, answers: [] });
});

it('the page works where nothing is kept of the language', () => {
  chooseLanguage('ko');
  expect(getState().language).toBe('ko');
  chooseLanguage('en');
});

it('the page asks nothing of its engine where no files are kept', async () => {
  vi.stubGlobal('navigator', { languages: ['en'] });
  await begin();
  expect(engine.call).not.toHaveBeenCalled();
  expect(getState().keepsNothing).toBe(true);
  vi.stubGlobal('navigator', { languages: ['en'], storage: { getDirectory: async () => {} } });
});

it('what went wrong is shown until something else is asked for', async () => {
  set({ problem: 'broken' });
  await attempt(async () => {});
  expect(getState().problem).toBe('broken');
  await act(async () => {});
  expect(getState().problem).toBeUndefined();
});

it('data that is not taken is named, and that which was there stays', async () => {
  answer({ give: () => ({ refusal: { kind: 'several', names: 'a.tsv, b.tsv' } }) });
  await giveFiles([{ path: 'a.tsv', file: {} as File }]);
  expect(getState()).toMatchObject({ data: checked, reading: false });
  expect(getState().problem).toMatch(/^Give one table at a time.* a\.tsv, b\.tsv\.$/);
});

it('data whose columns are changed is to be checked before it is trained on', async () => {
  answer({ check: (changed) => ({ set: changed, check: {} }) });
  const changing = changeColumns({ labelColumn: 'other' });
  expect(getState().data!.check).toBeUndefined();
  await changing;
  expect(getState().data!.check).toBeDefined();
  expect(getState().data!.set.chosen.labelColumn).toBe('other');
});

describe('a run that is opened', () => {
  const own = { ...settings, epochs: 7 };
  const runs = [
    runOf(3, { parent: 2, settings: { ...settings, epochs: 2 } }),
    runOf(2, { parent: 1, settings: { ...settings, epochs: 2 } }),
    runOf(1, { settings: own }),
  ];

  it.each([
    ['began', runs[2]],
    ['learnt from answers of a run that began', runs[0]],
  ])('gives back what it %s with', async (_, run) => {
    answer({ check: () => checked, charts: () => [] });
    set({ runs });
    await showRun(run);
    expect(getState()).toMatchObject({ run, data: checked, settings: own, base: runs[2].base });
  });

  it('keeps base and settings where the first run is deleted', async () => {
    answer({ check: () => checked, charts: () => [] });
    set({ runs: runs.slice(0, 2) });
    await showRun(runs[0]);
    expect(getState()).toMatchObject({ run: runs[0], settings, base: undefined });
  });
});

describe('answers that no run has learnt from', () => {
  beforeEach(() => {
    answer({ resume: () => runOf(1), runs: () => [] });
    set({ run: runOf(1), base: runOf(1).base, answers });
  });

  it.each([
    ['another training', startTraining],
    ['another run', () => showRun(runOf(2))],
  ])('stay unless %s may lose them', async (_, work) => {
    const confirm = vi.fn(() => false);
    vi.stubGlobal('confirm', confirm);
    await work();
    expect(confirm).toHaveBeenCalledWith(expect.stringContaining('1 answer yet'));
    expect(engine.call).not.toHaveBeenCalled();
    expect(getState().answers).toEqual(answers);
    confirm.mockReturnValue(true);
    await work();
    expect(getState().answers).toEqual([]);
  });

  it('stay when their run goes on', async () => {
    await resume(runOf(1, { status: 'stopped' }));
    expect(getState().answers).toEqual(answers);
  });
});

it('one is one', () => {
  const { data, problems } = languages.en;
  expect([1, 2].map(data.texts)).toEqual(['1 text', '2 texts']);
  expect([1, 2].map(problems.empty)).toEqual(['1 text is empty.', '2 texts are empty.']);
});
