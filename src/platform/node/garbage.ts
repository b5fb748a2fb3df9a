let collect: (() => void) | undefined;

/**
 * Collects garbage. Returns true if it is done, so that every `WeakRef` to what was unreachable is
 * empty; false where the runtime cannot be told.
 */
export function collectGarbage(): boolean {
  try {
    collect ??= collector();
  } catch {
    // A runtime that only looks like Node.
    return false;
  }
  collect();
  return true;
}

/**
 * WeakRefs hold their targets until the running job ends, and are let go after microtasks: so a
 * context with a queue of its own runs one first.
 */
function collector(): () => void {
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
  };
}
