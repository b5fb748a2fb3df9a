import { isNode } from './runtime.ts';

/**
 * Milliseconds of sleep between two polls. They grow from the first, for results that are nearly
 * there, to the second: short compared to a training step, long compared to a poll.
 */
const [MIN_SLEEP, MAX_SLEEP] = [0.05, 0.5];
/** Polls without a sleep, for results that come at once. */
const BUSY_POLLS = 20;

/**
 * Lets timers, signals and events run. Uses messages in a browser, because timers of hidden pages
 * are slowed down to one a second and messages are not.
 */
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
 * Waits for the device. In Node, Dawn polls in a busy loop while a promise is pending. That takes a
 * whole core away from an adapter that computes on the processor, so this sleeps between polls.
 */
export async function waitForDevice<T>(promise: Promise<T>): Promise<T> {
  if (!sleepCell) return promise;
  pendingWaits++;
  // One polling loop serves all pending waits.
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
