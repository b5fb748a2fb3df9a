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
  /** The layer at a position, as `layers[index]`. */
  readonly [index: number]: Layer;

  constructor(...layers: readonly Layer[]) {
    super();
    this.layers = layers;
    // Not enumerable: fields are found by their names.
    for (const i of layers.keys()) Object.defineProperty(this, i, { get: () => this.layers[i] });
  }

  /** Number of layers. */
  get length(): number {
    return this.layers.length;
  }

  /** The layers in order. */
  [Symbol.iterator](): Iterator<Layer> {
    return this.layers.values();
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }

  /** Layers carry their position alone, without the name of the field, as in PyTorch. */
  override *namedChildren(): Generator<[string, Module]> {
    for (const [name, child] of super.namedChildren()) yield [name.replace(/^layers\./, ''), child];
  }
}
