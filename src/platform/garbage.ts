import { isNode } from './runtime.ts';

/** Bytes that a browser sees as pressure: more than it lets pass without a collection. */
const PRESSURE_BYTES = 1 << 27;

let collect: (() => boolean) | undefined;

/**
 * Has the runtime collect garbage. Returns true if it is done, so that every `WeakRef` to what was
 * unreachable is empty; false if the runtime collects later, when it thinks fit (browsers).
 */
export function collectGarbage(): boolean {
  collect ??= collectorOfNode() ?? pressBrowser;
  return collect();
}

/**
 * Node's collector. WeakRefs hold their targets until the running job ends, and are let go after
 * microtasks: so a context with a queue of its own runs one first.
 */
function collectorOfNode(): (() => boolean) | undefined {
  if (!isNode) return undefined;
  try {
    const vm = process.getBuiltinModule('node:vm');
    let gc: (() => void) | undefined = globalThis.gc;
    if (!gc) {
      process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
      gc = vm.runInNewContext('gc') as () => void;
    }
    const context = vm.createContext({}, { microtaskMode: 'afterEvaluate' });
    const microtask = new vm.Script('Promise.resolve().then(() => {})');
    return () => {
      microtask.runInContext(context);
      gc();
      return true;
    };
  } catch {
    // A runtime that only looks like Node.
    return undefined;
  }
}

/** Memory that is dropped at once: its size counts towards the next collection. */
function pressBrowser(): boolean {
  new ArrayBuffer(PRESSURE_BYTES);
  return false;
}
