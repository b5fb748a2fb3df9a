import type { Kernel, ParamTypes } from '../../device/kernel.ts';

/**
 * The family of element-by-element kernels: out[i] = f(a[i], b[i], …; scalars). Operands are
 * strided views of one shape, so broadcasting, transposing and slicing cost no copy. Variants:
 * `flat` reads every operand straight through; `strided` computes each place, four at a time where
 * rows allow it.
 */
export interface MapSpec {
  name: string;
  /** Operand names; `types` gives the type of those that are not `V`. */
  inputs: readonly string[];
  types?: Record<string, 'V' | 'I'>;
  scalars?: readonly string[];
  /** True if any 32-bit type passes through as it is: the result has the dtype of the input. */
  keepsBits?: boolean;
  /** An expression on vectors `V` (f32) or `I` (i32) named as the inputs; scalars are `p.name`. */
  wgsl: string;
  /** WGSL functions that the expression calls. */
  functions?: string;
  reference: (...values: number[]) => number;
  /** Kind of random test data within the function's domain; default `normal`. */
  fill?: Record<string, 'normal' | 'positive' | 'bool'>;
  tolerance?: number;
}

/** A kernel that works element by element, made by `defineMap`. */
export type MapKernel = Kernel<ParamTypes> & { spec: MapSpec };
