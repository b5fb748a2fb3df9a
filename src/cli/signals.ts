import { signalExitCodes } from './exitCodes.ts';

type Interrupt = keyof typeof signalExitCodes;

let received: Interrupt | undefined;

/** The exit code of a run that was stopped: by a signal, or as planned. */
export const interruptExitCode = (): number => (received ? signalExitCodes[received] : 0);

/** How a run that was stopped says so. */
export const stoppedAfter = (step: number): string =>
  received ? `interrupted after step ${step}` : `stopped after step ${step} (--max-time)`;

/** The longest that a timer waits, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * An AbortSignal that Ctrl-C, SIGTERM, SIGHUP or SIGUSR2 aborts from `listen` to `release`, after
 * which `onFirst` is called; a second one ends the process at once. It is also aborted after
 * `maxSeconds`.
 */
export function interruptible(
  onFirst: () => void,
  maxSeconds?: number,
): {
  signal: AbortSignal;
  listen: () => void;
  release: () => void;
} {
  const controller = new AbortController();
  const stop = (name: Interrupt) => {
    received = name;
    if (controller.signal.aborted) process.exit(interruptExitCode());
    controller.abort();
    onFirst();
  };
  const names = Object.keys(signalExitCodes) as Interrupt[];
  const release = () => {
    for (const name of names) process.off(name, stop);
  };
  const timer =
    maxSeconds === undefined
      ? undefined
      : setTimeout(() => controller.abort(), Math.min(1000 * maxSeconds, MAX_DELAY));
  return {
    signal: controller.signal,
    listen: () => {
      release();
      for (const name of names) process.on(name, stop);
    },
    release: () => {
      clearTimeout(timer);
      release();
    },
  };
}
