/** Signals that end a run, and the exit code of each: 128 and its number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Interrupt = keyof typeof exitCodes;

let received: Interrupt = 'SIGINT';

/** The exit code of a process that a signal interrupted. */
export const interruptExitCode = (): number => exitCodes[received];

/**
 * An AbortSignal that Ctrl-C, SIGTERM or SIGHUP aborts from `listen` to `release`, after which
 * `onFirst` is called; a second one ends the process at once.
 */
export function interruptible(onFirst: () => void): {
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
  const names = Object.keys(exitCodes) as Interrupt[];
  const release = () => {
    for (const name of names) process.off(name, stop);
  };
  return {
    signal: controller.signal,
    listen: () => {
      release();
      for (const name of names) process.on(name, stop);
    },
    release,
  };
}
