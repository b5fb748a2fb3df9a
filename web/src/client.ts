/// <reference types="vite/client" />
import type { Engine, Message, Method, Result } from './engine/protocol.ts';
import engine from './engine/worker.ts?worker&url';

/** Calls into the worker that have not been answered. */
const waiting = new Map<
  number,
  { resolve: (result: never) => void; reject: (error: Error) => void }
>();
let calls = 0;

/**
 * The engine begins as a blob, which has the content security policy of the page: a worker of a URL
 * has only the one that its server sends.
 */
const beginning = new Blob([`import ${JSON.stringify(new URL(engine, location.href))};`], {
  type: 'text/javascript',
});
const worker = new Worker(URL.createObjectURL(beginning), { type: 'module' });

type EventMessage = Extract<Message, { event: string }>;
type Listener = (message: EventMessage) => void;
const listeners = new Set<Listener>();

/** Hears events of the worker, until the returned function is called. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

worker.onmessage = ({ data }: MessageEvent<Message>) => {
  if ('event' in data) {
    for (const listener of listeners) listener(data);
    return;
  }
  const call = waiting.get(data.call);
  waiting.delete(data.call);
  if ('error' in data) call?.reject(new Error(data.error));
  else call?.resolve(data.result as never);
  hasAnswered = true;
};

let hasAnswered = false;
/** Why the worker answers nothing. */
let failure: Error | undefined;
worker.onerror = ({ message }) => {
  const error = new Error(message || 'the engine does not start');
  if (!hasAnswered) failure = error;
  for (const { reject } of waiting.values()) reject(error);
  waiting.clear();
};

/** Runs a method of the engine in the worker. */
export function call<M extends Method>(
  method: M,
  ...args: Parameters<Engine[M]>
): Promise<Result<M>> {
  if (failure) return Promise.reject(failure);
  return new Promise((resolve, reject) => {
    waiting.set(++calls, { resolve, reject });
    worker.postMessage({ call: calls, method, args });
  });
}
