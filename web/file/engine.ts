import { fileOfElement } from '../../src/train/recipes/pageFile.ts';
import type { Methods, Request, Response } from './protocol.ts';

/** The engine's own file in the page. */
export const ENGINE = 'engine.js';

/** The worker, as functions. */
export type Engine = { [M in keyof Methods]: Methods[M] };

/** Starts the worker from the text of its element. */
export async function startEngine(text: string): Promise<Engine> {
  const source = await fileOfElement(ENGINE, text);
  const url = URL.createObjectURL(new Blob([source as BlobPart], { type: 'text/javascript' }));
  const worker = new Worker(url);
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  worker.onmessage = ({ data }: MessageEvent<Response>) => {
    // It has started: nothing reads the address again.
    URL.revokeObjectURL(url);
    const { resolve, reject } = waiting.get(data.id)!;
    waiting.delete(data.id);
    if ('error' in data) reject(new Error(data.error));
    else resolve(data.result);
  };
  worker.onerror = ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message));
  };
  let requests = 0;
  const call = (method: keyof Methods) => (argument: unknown) =>
    new Promise<never>((resolve, reject) => {
      const id = requests++;
      waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      worker.postMessage({ id, method, argument } satisfies Request);
    });
  return { open: call('open'), predict: call('predict'), learn: call('learn'), save: call('save') };
}
