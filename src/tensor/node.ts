import type { Tensor } from './tensor.ts';

/** How a tensor was made: what backward needs to pass a gradient on to the inputs. */
export interface Node {
  /** Increases with each operation: an operation's inputs have lower ids. */
  readonly id: number;
  readonly name: string;
  /** Empty once `backward` was used, so that a result kept for its value keeps nothing else. */
  inputs: readonly Tensor[];
  /**
   * Maps the gradient of the result to those of the inputs (null: none). Undefined once it was
   * used.
   */
  backward: ((gradient: Tensor) => (Tensor | SparseRowGradient | null)[]) | undefined;
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
