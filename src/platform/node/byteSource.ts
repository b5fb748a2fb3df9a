import { createReadStream, statSync } from 'node:fs';
import { STANDARD_INPUT } from '../paths.ts';
import type { SystemError } from '../types.ts';
import { throwUnreadable } from './readFiles.ts';

/** Whether a path leads to what can be read once only: standard input or a pipe. */
export async function isReadOnce(path: string): Promise<boolean> {
  return path === STANDARD_INPUT || statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}

/**
 * The bytes of standard input (`-`) or of a pipe, as they come.
 * @throws UsageError when they cannot be read.
 */
export async function* readStream(path: string): AsyncGenerator<Uint8Array> {
  const stream = path === STANDARD_INPUT ? process.stdin : createReadStream(path);
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throwUnreadable(path === STANDARD_INPUT ? 'standard input' : path, error as SystemError);
  }
}
