import { readFileSync } from 'node:fs';
import type { Device } from '../../../src/device/device.ts';
import * as w from '../../../src/index.ts';
import type { optim } from './entries.ts';

/** Cases that `generate.py` made with PyTorch. */
export interface Values {
  /** f: float with a gradient, n: float without, i: int32, b: bool. */
  kind: 'f' | 'n' | 'i' | 'b';
  shape: number[];
  data: number[];
}
export interface OperationCase {
  name: string;
  inputs: Values[];
  args: unknown[];
  outputs: Omit<Values, 'kind'>[];
  grads?: (number[] | null)[];
  /** Shapes of the results for inputs without rows, and for scalars; null: PyTorch throws. */
  empty: number[][] | null;
  scalar: number[][] | null;
}
export interface ModuleCase {
  name: string;
  args: unknown[];
  state: Record<string, { shape: number[]; data: number[] }>;
  inputs: Values[];
  output: Omit<Values, 'kind'>;
  /** Gradients of the inputs, then of the parameters in the order of `state`. */
  grads: (number[] | null)[];
}
export interface OptimizerCase {
  name: keyof typeof optim;
  options: Record<string, unknown>;
  start: number[];
  grads: number[][];
  end: number[];
}

export const cases = JSON.parse(readFileSync(new URL('./cases.json', import.meta.url), 'utf8')) as {
  operations: OperationCase[];
  modules: ModuleCase[];
  optimizers: OptimizerCase[];
};

/** Inputs on a device; those of kind f require a gradient. */
export const tensorsOf = (inputs: readonly Values[], device: Device): w.Tensor[] =>
  inputs.map(({ kind, shape, data }) => {
    const dtype = kind === 'i' ? 'int32' : kind === 'b' ? 'bool' : 'float32';
    return w.tensor(data, { shape, device, dtype, requiresGrad: kind === 'f' });
  });

/** Arguments with `$a`, `$b`, … replaced by inputs. */
export function fill(args: unknown, inputs: readonly unknown[]): unknown {
  if (typeof args === 'string' && /^\$[a-h]$/.test(args))
    return inputs['abcdefgh'.indexOf(args[1])];
  if (Array.isArray(args)) return args.map((one) => fill(one, inputs));
  return args;
}

type Call = (...args: unknown[]) => unknown;

/** The operation: a function of the package, or a method. */
export function callOf(name: string): Call {
  const found = (w as Record<string, unknown>)[name];
  if (typeof found === 'function') return found as Call;
  const method = (w.Tensor.prototype as unknown as Record<string, Call>)[name];
  return (x, ...rest) => (method as (this: unknown, ...args: unknown[]) => unknown).apply(x, rest);
}

/** The tensors of a result: a tensor, a list, or an object of tensors. */
export function tensorsIn(result: unknown): w.Tensor[] {
  if (result instanceof w.Tensor) return [result];
  if (typeof result === 'boolean') return [w.tensor(Number(result))];
  return (Array.isArray(result) ? result : Object.values(result as object)) as w.Tensor[];
}
