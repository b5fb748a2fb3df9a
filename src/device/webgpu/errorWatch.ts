import { DeviceLostError, KernelError } from '../errors.ts';

/**
 * The adapter reports errors later than the calls that cause them. The watch collects these
 * reports, and throws them at the next call or at the end of the next wait, whichever is first.
 */
export class ErrorWatch {
  /** Reports that the adapter still owes us. */
  readonly #pending = new Set<Promise<void>>();
  #failure: Error | undefined;

  /** `currentKernel` names what was launched last, for errors that nothing else explains. */
  constructor(device: GPUDevice, currentKernel: () => string) {
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      const error = new KernelError(currentKernel(), event.error.message);
      // The cause may be an earlier error whose report is still pending.
      this.track(Promise.all(this.#pending).then(() => (this.#failure ? undefined : error)));
    });
    device.lost.then(({ reason, message }) => {
      this.#failure = new DeviceLostError(reason, message);
    });
  }

  /** Waits in the background for a report: an error, or undefined if all went well. */
  track(report: Promise<Error | undefined>): void {
    const settled = report.then(
      (error) => {
        // A refused WGSL text comes before the errors that follow from it, and explains them.
        if (error && !(this.#failure instanceof DeviceLostError)) this.#failure = error;
      },
      () => {},
    );
    this.#pending.add(settled);
    settled.then(() => this.#pending.delete(settled));
  }

  /** Throws what went wrong: an error once, the loss of the device every time. */
  throwFailure(): void {
    const failure = this.#failure;
    if (!failure) return;
    if (!(failure instanceof DeviceLostError)) this.#failure = undefined;
    throw failure;
  }

  /** Waits for pending reports, then throws what went wrong. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
    this.throwFailure();
  }
}
