/** What a person does about the device that computes. */
import { call } from '../client.ts';
import type { DeviceKind } from '../engine/protocol.ts';
import { act, type Bench, getState, set } from '../store.ts';

export const chooseDevice = (wished: DeviceKind | 'auto'): Promise<void> =>
  act(async () => {
    set({ wished });
    const device = await call('open', wished);
    if (getState().wished === wished) set({ device });
  });

export const setBench = (patch: Partial<Bench>): void =>
  set({ bench: { ...getState().bench, ...patch } });

export async function measure(): Promise<void> {
  set({ bench: { rows: [], busy: true } });
  await act(async () => setBench({ result: await call('bench') }));
  setBench({ busy: false });
}
