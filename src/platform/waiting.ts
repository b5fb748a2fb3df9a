import { isNode } from './files.ts';

/** Sleeps between two looks, in milliseconds: at first for what takes little longer, then short beside a step, long beside a look. */
const [MIN_SLEEP, MAX_SLEEP] = [0.05, 0.5];
/** Looks without a sleep, for answers that come at once. */
const BUSY_POLLS = 20;

/** Lets timers, signals and events have their turn. Browsers slow timers of hidden pages down to one a second, but not messages. */
export function yieldToEventLoop(): Promise<void> {
  if (isNode) return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

const sleepCell = isNode ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
let pendingWaits = 0;
let isPolling = false;

/**
 * Waits for the device. In Node, Dawn looks for answers again and again while a promise is pending, which takes a whole
 * core from an adapter that computes on the processor; sleeping between the looks leaves it nearly all of its time.
 */
export async function waitForDevice<T>(promise: Promise<T>): Promise<T> {
  if (!sleepCell) return promise;
  pendingWaits++;
  // One sleeper is enough for all who wait.
  if (!isPolling) void pollUntilIdle(sleepCell);
  try {
    return await promise;
  } finally {
    pendingWaits--;
  }
}

async function pollUntilIdle(cell: Int32Array): Promise<void> {
  isPolling = true;
  for (let polls = 0; pendingWaits > 0; polls++) {
    if (polls > BUSY_POLLS)
      Atomics.wait(cell, 0, 0, Math.min(MAX_SLEEP, MIN_SLEEP * 1.25 ** (polls - BUSY_POLLS)));
    await yieldToEventLoop();
  }
  isPolling = false;
}
