import { StateError } from '../../platform/errors.ts';
import type { TracedStep } from '../device.ts';
import { rollBackHooks, Trace, type TracedBuffer } from './trace.ts';

/** Records the steps that a device captures, one at a time. */
export class Recorder<B extends TracedBuffer> {
  /** What the step asks for; undefined while none is captured. */
  trace: Trace<B> | undefined;
  readonly #placeholder: (id: number, bytes: number) => B;
  readonly #release: (buffer: B) => void;
  /** What the step freed of memory from outside: its launches, which are to come, may use it. */
  #held: B[] | undefined;

  /**
   * @param placeholder as that of `Trace`
   * @param release gives back the memory of a buffer
   */
  constructor(placeholder: (id: number, bytes: number) => B, release: (buffer: B) => void) {
    this.#placeholder = placeholder;
    this.#release = release;
  }

  /**
   * Runs a step without launching anything, and builds its plan. If either fails, its hooks are
   * undone.
   * @throws StateError inside another capture.
   */
  capture<P>(body: () => TracedStep, build: (trace: Trace<B>, step: TracedStep) => P): P {
    if (this.trace) throw new StateError('capture: another step is being captured already');
    const trace = new Trace(this.#placeholder);
    this.trace = trace;
    const held: B[] = [];
    this.#held = held;
    try {
      const step = body();
      // The plan pins what its launches use, and may need the memory of the rest.
      this.#held = undefined;
      return build(trace, step);
    } catch (error) {
      rollBackHooks(trace.hooks);
      throw error;
    } finally {
      this.trace = undefined;
      this.#held = undefined;
      for (const buffer of held) this.#release(buffer);
    }
  }

  free(buffer: B): void {
    if (this.trace?.owns(buffer)) this.trace.free(buffer);
    // What an earlier step made belongs to its plan.
    else if (buffer.id < 0) return;
    else if (this.#held) this.#held.push(buffer);
    else this.#release(buffer);
  }

  onReplay(run: () => void, rollback?: () => void): void {
    run();
    this.trace?.hooks.push({ run, rollback });
  }

  /** @throws StateError inside a capture, where nothing has been computed. */
  assertReadable(): void {
    if (this.trace) throw new StateError('capture: values cannot be read inside the step');
  }
}
