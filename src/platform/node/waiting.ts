/**
 * Milliseconds of sleep between two polls. They grow from the first, for results that are nearly
 * there, to the second: short compared to a training step, long compared to a poll.
 */
const [MIN_SLEEP, MAX_SLEEP] = [0.05, 0.5];
/** Polls without a sleep, for results that come at once. */
const BUSY_POLLS = 20;

/** Lets timers, signals and events run. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));
let pendingWaits = 0;
let isPolling = false;

/**
 * Waits for the device. Dawn polls in a busy loop while a promise is pending. That takes a whole
 * core away from an adapter that computes on the processor, so this sleeps between polls.
 */
export async function waitForDevice<T>(promise: Promise<T>): Promise<T> {
  pendingWaits++;
  // One polling loop serves all pending waits.
  if (!isPolling) void pollUntilIdle();
  try {
    return await promise;
  } finally {
    pendingWaits--;
  }
}

async function pollUntilIdle(): Promise<void> {
  isPolling = true;
  for (let polls = 0; pendingWaits > 0; polls++) {
    if (polls > BUSY_POLLS)
      Atomics.wait(sleepCell, 0, 0, Math.min(MAX_SLEEP, MIN_SLEEP * 1.25 ** (polls - BUSY_POLLS)));
    await yieldToEventLoop();
  }
  isPolling = false;
}
