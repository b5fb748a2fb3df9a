import { setBench } from './actions/device.ts';
import { onEvent } from './client.ts';
import { getState, set, viewOfHash } from './store.ts';

/** Shows what the engine tells, and the view of the address. */
export function listen(): void {
  onEvent((message) => {
    const state = getState();
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
}
