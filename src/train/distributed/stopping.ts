/**
 * When to stop, as all ranks see it. A signal reaches the ranks at different times, but they must
 * make the same calls: they agree after each step.
 */
import { processGroup } from './processGroup.ts';

/** Signals that ranks agreed on, with what asks them whether to stop. */
const agreements = new WeakMap<AbortSignal, () => void>();

/**
 * A signal that is aborted on all ranks after the same step, once `signal` is aborted on one of
 * them. In one process it is `signal` itself.
 */
export function agreedSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (processGroup().size === 1 || (signal && agreements.has(signal))) return signal;
  const controller = new AbortController();
  agreements.set(controller.signal, () => {
    const stops = Float32Array.of(signal?.aborted ? 1 : 0);
    processGroup().allReduce(stops);
    if (stops[0] > 0) controller.abort(signal?.reason);
  });
  return controller.signal;
}

/** Asks all ranks whether to stop. Each of them calls it after each step. */
export function agreeOnStopping(signal: AbortSignal | undefined): void {
  if (signal && !signal.aborted) agreements.get(signal)?.();
}
