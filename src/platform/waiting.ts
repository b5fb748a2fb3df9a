import { isNode } from './files.ts';

/** Sleeps between two looks, in milliseconds: at first for what takes little longer, then short beside a step, long beside a look. */
const [SHORTEST_NAP, NAP] = [0.05, 0.5];
/** Looks without a sleep, for answers that come at once. */
const EAGER = 20;

/** Lets timers, signals and events have their turn. Browsers slow timers of hidden pages down to one a second, but not messages. */
export function nextTurn(): Promise<void> {
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

const cell = isNode ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
let waiting = 0;
let napping = false;

/**
 * Waits for the device. In Node, Dawn looks for answers again and again while a promise is pending, which takes a whole
 * core from an adapter that computes on the processor; sleeping between the looks leaves it nearly all of its time.
 */
export async function patiently<T>(promise: Promise<T>): Promise<T> {
  if (!cell) return promise;
  waiting++;
  // One sleeper is enough for all who wait.
  if (!napping) void nap(cell);
  try {
    return await promise;
  } finally {
    waiting--;
  }
}

async function nap(cell: Int32Array): Promise<void> {
  napping = true;
  for (let looks = 0; waiting > 0; looks++) {
    if (looks > EAGER)
      Atomics.wait(cell, 0, 0, Math.min(NAP, SHORTEST_NAP * 1.25 ** (looks - EAGER)));
    await nextTurn();
  }
  napping = false;
}
