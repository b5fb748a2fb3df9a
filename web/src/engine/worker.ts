/** The engine, in a worker of its own: the page stays quick while it computes. */
import { DeviceLostError } from 'wigbert';
import { bench } from './bench.ts';
import { check, give, sample, shippedModel } from './data.ts';
import { forgetDevice, useKind } from './device.ts';
import type { Call, Engine, Message, Progress } from './protocol.ts';
import { allRuns, chartsOf, historyOf, removeRun } from './runs.ts';
import * as takeAway from './takeAway.ts';
import { isTraining, learn, resume, stop, train } from './training.ts';
import { forget, mistakes, predict, unlabelled } from './trying.ts';

const send = (message: Message, transfer: Transferable[] = []): void =>
  (
    self as unknown as { postMessage(message: Message, transfer: Transferable[]): void }
  ).postMessage(message, transfer);
const report = (progress: Progress): void => send({ event: 'progress', progress });

type Methods = {
  [M in keyof Engine]: (
    ...args: Parameters<Engine[M]>
  ) => ReturnType<Engine[M]> | Promise<ReturnType<Engine[M]>>;
};

const engine: Methods = {
  open: useKind,
  runs: allRuns,
  ...{ sample, shippedModel, give, check },
  train(request) {
    forget();
    return train(request, report);
  },
  resume(id) {
    forget();
    return resume(id, report);
  },
  stop,
  remove(id, kept) {
    forget();
    return removeRun(id, kept);
  },
  async charts(id) {
    const history = await historyOf(id);
    return history ? chartsOf(history) : [];
  },
  ...{ predict, mistakes, unlabelled },
  learn(id, answers) {
    forget();
    return learn(id, answers, report);
  },
  zip: (id) => takeAway.zip(id, `wigbert-${id}`),
  report: takeAway.report,
  page: takeAway.page,
  async bench() {
    if (isTraining()) throw new Error('training');
    forget();
    return bench((row) => send({ event: 'bench', row }));
  },
};

self.onmessage = async ({ data }: MessageEvent<Call>) => {
  const { call, method, args } = data;
  try {
    const result = await (engine[method] as (...given: unknown[]) => unknown)(...args);
    send({ call, result });
  } catch (error) {
    console.error(error);
    if (error instanceof DeviceLostError) {
      forgetDevice();
      forget();
    }
    send({ call, error: (error as Error).message });
  }
};
