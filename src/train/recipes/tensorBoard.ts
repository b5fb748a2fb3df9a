import { eventFileHeader, scalarEvent } from '../../formats/tfEvents.ts';
import { appendToFile } from '../../platform/appendFile.ts';
import { snakeCase } from '../../platform/format.ts';
import { joinPath } from '../../platform/runtime.ts';
import { isMainProcess } from '../distributed/processGroup.ts';

/** Event files of a run, for TensorBoard. */
export interface TensorBoardOptions {
  /** Writes event files into this folder; true: into `runs` in `out`. Default: none. */
  tensorboard?: string | boolean;
}

type Report<E> = (event: E) => void;

/** Fields of records that are no measures. */
const others = new Set(['event', 'step', 'best', 'seconds']);
/** Bytes that are kept back before they are written. */
const BUFFER_BYTES = 1 << 16;

/**
 * Runs a training whose events are written as TensorBoard's scalars, under the names of Hugging
 * Face's Trainer: `train/loss`, `train/learning_rate`, `eval/loss`, `eval/accuracy` …
 */
export async function withTensorBoard<E extends { event: string }, R>(
  { tensorboard }: TensorBoardOptions,
  out: string,
  report: Report<E> | undefined,
  run: (report: Report<E> | undefined) => Promise<R>,
): Promise<R> {
  if (!tensorboard || !isMainProcess()) return run(report);
  const dir = tensorboard === true ? joinPath(out, 'runs') : tensorboard;
  const file = new EventFile(dir);
  try {
    return await run((event) => {
      if (event.event === 'step') file.add(scalarsOf(event, 'train/'));
      if (event.event === 'epoch' || event.event === 'evaluation') file.add(scalarsOf(event));
      report?.(event);
    });
  } finally {
    await file.close();
  }
}

/** @param part of all fields; without one, each field begins with the name of its own */
function scalarsOf(event: object, part = ''): { step: number; scalars: Record<string, number> } {
  const scalars: Record<string, number> = {};
  for (const [name, value] of Object.entries(event)) {
    if (others.has(name) || typeof value !== 'number') continue;
    const [, side, rest] = /^(train|valid)([A-Z].*)$/.exec(name) ?? [];
    // The mean loss of an epoch beside that of its steps.
    const prefix = side === 'valid' ? 'eval/' : side === 'train' ? 'train/mean_' : part;
    if (part === '' && side === undefined) continue;
    const field = side === undefined ? name : rest[0].toLowerCase() + rest.slice(1);
    scalars[prefix + snakeCase(field)] = value;
  }
  return { step: (event as { step: number }).step, scalars };
}

/** An event file that is written while the run goes on. */
class EventFile {
  readonly #dir: string;
  readonly #name: string;
  #waiting: Uint8Array[];
  #bytes = Number.POSITIVE_INFINITY;
  #written: Promise<unknown> = Promise.resolve();

  constructor(dir: string) {
    const seconds = Math.floor(Date.now() / 1000);
    this.#dir = dir;
    this.#name = `events.out.tfevents.${seconds}.${crypto.randomUUID().slice(0, 8)}`;
    this.#waiting = [eventFileHeader(Date.now() / 1000)];
  }

  add({ step, scalars }: { step: number; scalars: Record<string, number> }): void {
    const bytes = scalarEvent(Date.now() / 1000, step, scalars);
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > BUFFER_BYTES || Object.keys(scalars).some((tag) => tag.startsWith('eval/')))
      this.#flush();
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    this.#written = this.#written.then(async () => {
      for (const bytes of waiting) await appendToFile(this.#dir, this.#name, bytes);
    });
    // `close` throws what went wrong.
    this.#written.catch(() => {});
  }

  /** @throws UsageError if the file could not be written. */
  async close(): Promise<void> {
    // A run that did not come to its first step leaves no file.
    if (Number.isFinite(this.#bytes)) this.#flush();
    await this.#written;
  }
}
