/** What a person does about data and base models. */
import { call } from '../client.ts';
import type { DataSet, GivenFile } from '../engine/protocol.ts';
import { act, attempt, getState, type State, set } from '../store.ts';
import { languages } from '../words/index.ts';

let readings = 0;

/** Reads what the page is to show. What was asked for last is shown, whatever takes longest. */
export async function reading(work: () => Promise<Partial<State>>): Promise<void> {
  const turn = ++readings;
  set({ reading: true });
  await act(async () => {
    const patch = await work();
    if (turn === readings) set(patch);
  });
  if (turn === readings) set({ reading: false });
}

export const useSample = (): Promise<void> => reading(async () => ({ data: await call('sample') }));

export const useShippedModel = (): Promise<void> =>
  act(async () => {
    await stopDownload();
    set({ base: await call('shippedModel') });
  });

let downloads = 0;

/** Takes the model of a name on the hub, once it is downloaded, unless another is asked for. */
export const useHubModel = (name: string): Promise<void> =>
  act(async () => {
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
    const { data, model, refusal } = await call('give', files);
    const { refusals } = languages[getState().language].data;
    if (refusal) throw new Error(refusals[refusal.kind](refusal.names));
    if (model) await stopDownload();
    return { ...(data && { data }), ...(model && { base: model }) };
  });

export const changeColumns = (chosen: Partial<DataSet['chosen']>): Promise<void> =>
  act(async () => {
    const { set: before } = getState().data!;
    const changed: DataSet = { ...before, chosen: { ...before.chosen, ...chosen } };
    // What was found with the other columns holds no more.
    set({ data: { set: changed } });
    const data = await call('check', changed);
    if (getState().data?.set === changed) set({ data });
  });
