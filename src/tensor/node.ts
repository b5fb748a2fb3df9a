import type { Tensor } from './tensor.ts';

/**
 * Maps the gradients of the results (one each) to those of the inputs, in order; null for an input
 * without one.
 */
export type Backward = (...gradients: Tensor[]) => readonly (Tensor | SparseRowGradient | null)[];

/** Instead of a backward: makes the results again, with nodes of their own, to go on there. */
export interface Recomputation {
  recompute(): readonly Tensor[];
}

/** How a tensor was made: what backward needs to pass a gradient on to the inputs. */
export interface Node {
  /** Increases with each operation: an operation's inputs have lower ids. */
  readonly id: number;
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** The results, if there may be several: they share the node. */
  readonly outputs: readonly Tensor[] | undefined;
  /** Undefined once it was used. */
  backward: Backward | Recomputation | undefined;
}

/**
 * Sparse gradient of an embedding: only some rows are non-zero. It is added to the dense gradient
 * last.
 */
export interface SparseRowGradient {
  /** Tensors that must live until then. */
  readonly keepAlive: readonly Tensor[];
  /**
   * Adds the rows to `gradient`, and marks them in `touchedRows` (int32, [rows]) if it is given.
   */
  accumulateInto(gradient: Tensor, touchedRows?: Tensor): void;
}
