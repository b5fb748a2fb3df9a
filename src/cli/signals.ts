/**
 * An AbortSignal that Ctrl-C or SIGTERM aborts from `listen` to `release`, after which `onFirst` is
 * called; a second one ends the process at once.
 */
export function interruptible(onFirst: () => void): {
  signal: AbortSignal;
  listen: () => void;
  release: () => void;
} {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    onFirst();
  };
  return {
    signal: controller.signal,
    listen: () => {
      process.on('SIGINT', stop);
      process.on('SIGTERM', stop);
    },
    release: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
