import { allowRelaxedSimd } from '../../platform/threads.ts';

/** What assembly/index.ts exports beside the kernels. */
export interface WasmExports {
  setThreadScratch(address: number): void;
  publish(entry: number, args: number, tiles: number): void;
  take(): number;
  finish(): void;
  fail(): void;
  join(): number;
  doze(milliseconds: number): void;
}

/** The smallest module with a relaxed instruction: () -> v128 of relaxed_madd. */
const RELAXED_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0],
  ...[65, 1, 253, 15, 65, 2, 253, 15, 65, 3, 253, 15, 253, 133, 2, 11],
);

/** A compiled module, for all threads, and whether its multiply-adds may round once. */
export interface WasmModule {
  module: WebAssembly.Module;
  relaxed: boolean;
}

const compiled = new Map<boolean, Promise<WebAssembly.Module>>();

/** Compiles the kernels. `strict` takes plain SIMD, whose bits are the same on any processor. */
export async function loadModule(strict: boolean): Promise<WasmModule> {
  if (!strict) await allowRelaxedSimd();
  const relaxed = !strict && WebAssembly.validate(RELAXED_PROBE);
  let module = compiled.get(relaxed);
  if (!module) compiled.set(relaxed, (module = compile(relaxed)));
  return { module: await module, relaxed };
}

async function compile(relaxed: boolean): Promise<WebAssembly.Module> {
  // Loaded with the first device: programs that open none do not pay for it.
  const modules = await import('./modules.js');
  const text = atob(relaxed ? modules.relaxed : modules.plain);
  return WebAssembly.compile(Uint8Array.from(text, (c) => c.charCodeAt(0)));
}
