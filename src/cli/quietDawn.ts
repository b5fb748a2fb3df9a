import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findWebGPU } from '../platform/webgpu.ts';

const STDERR = 2;
const knownWarning = /^Warning: maxDynamic\w+ artificially reduced from .*\n/gm;

/**
 * Keeps two warnings of Dawn off the terminal: when it first looks for adapters, it writes them
 * from native code, and it has no switch for that. So that search happens here, while standard
 * error leads into a file; what else was written is shown afterwards. `requestAdapter` searches
 * before it returns, so no other code of this process writes meanwhile. Only on a terminal under
 * Linux.
 */
export async function findAdaptersQuietly(experimental: boolean): Promise<void> {
  if (process.platform !== 'linux' || !process.stderr.isTTY) return;
  const gpu = await findWebGPU({ experimental });
  if (!gpu) return;
  const captured = capturingStderr(() => void gpu.requestAdapter().catch(() => {}));
  process.stderr.write(captured.replace(knownWarning, ''));
}

/** What is written to the file descriptor of standard error while `run` runs. */
function capturingStderr(run: () => void): string {
  const path = join(tmpdir(), `wigbert-${process.pid}-${crypto.randomUUID()}`);
  const [terminal, file] = [openSync(`/proc/self/fd/${STDERR}`, 'r+'), openSync(path, 'wx+')];
  unlinkSync(path);
  /** The lowest free descriptor is the one just closed. */
  const redirect = (target: number) => {
    closeSync(STDERR);
    openSync(`/proc/self/fd/${target}`, 'r+');
  };
  redirect(file);
  try {
    run();
  } finally {
    redirect(terminal);
  }
  const bytes = Buffer.alloc(fstatSync(file).size);
  readSync(file, bytes, 0, bytes.length, 0);
  for (const fd of [terminal, file]) closeSync(fd);
  return bytes.toString();
}
