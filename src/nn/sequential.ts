import type { Tensor } from '../tensor/index.ts';
import { Module } from './module.ts';

/** A module from one tensor to one tensor. */
type Layer = Module & { forward(x: Tensor): Tensor };

/**
 * Runs modules one after the other, each on the result of the one before (PyTorch's
 * `nn.Sequential`). In `stateDict` the names of parameters begin with the position: `0.weight`.
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 8), new nn.ReLU(), new nn.Linear(8, 1));
 * model.forward(randn([4, 2])).shape; // [4, 1]
 */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    this.layers = layers;
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }

  /** Children carry no name of their own field, as in PyTorch. */
  protected override *children(): Generator<[string, Module]> {
    for (const [i, layer] of this.layers.entries()) yield [String(i), layer];
  }
}
