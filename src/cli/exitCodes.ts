/** Exit codes beside 0: a failure, and wrong usage. */
export const FAILURE = 1;
export const USAGE = 2;

/**
 * Signals that end a run, and the exit code of each: 128 and its number. SIGUSR2 is the one that
 * mpirun passes on.
 */
export const signalExitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGUSR2: 140 } as const;
