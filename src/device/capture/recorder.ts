import { StateError } from '../../platform/errors.ts';
import type { TracedStep } from '../device.ts';
import { rollBackHooks, Trace, type TracedBuffer } from './trace.ts';

/** Records the steps that a device captures, one at a time. */
export class Recorder<B extends TracedBuffer> {
  /** What the step asks for; undefined while none is captured. */
  trace: Trace<B> | undefined;
  readonly #placeholder: (id: number, bytes: number) => B;

  /** @param placeholder as that of `Trace` */
  constructor(placeholder: (id: number, bytes: number) => B) {
    this.#placeholder = placeholder;
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
    try {
      return build(trace, body());
    } catch (error) {
      rollBackHooks(trace.hooks);
      throw error;
    } finally {
      this.trace = undefined;
    }
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
