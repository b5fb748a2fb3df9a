import { ArgumentError } from '../../platform/errors.ts';
import { guardValue } from '../../tensor/captureGuard.ts';
import {
  type Activation,
  gelu,
  linear,
  matmul,
  noGrad,
  relu,
  scope,
  type Tensor,
  tanh,
  zeros,
} from '../../tensor/index.ts';
import type { Philox } from '../../tensor/random.ts';
import { kaimingUniform_ } from '../init.ts';
import { Dropout, type Linear, parameter } from '../layers.ts';
import { Module } from '../module.ts';

/** A matrix of an adapter. */
class LoraMatrix extends Module {
  readonly weight: Tensor;

  constructor(weight: Tensor) {
    super();
    this.weight = parameter(weight);
  }
}

/** What an adapter changes in one layer. */
interface Adapter {
  /** [r, in] */
  readonly A: LoraMatrix;
  /** [out, r] */
  readonly B: LoraMatrix;
  readonly dropout: Dropout;
  readonly scaling: number;
}

const activate: Record<Activation, (x: Tensor) => Tensor> = {
  none: (x) => x,
  gelu: (x) => gelu(x),
  geluTanh: (x) => gelu(x, 'tanh'),
  relu: (x) => relu(x),
  tanh: (x) => tanh(x),
};

/**
 * A linear layer with low-rank adapters, one of which is active or none (Hu et al. 2021, arXiv
 * 2106.09685, §4.1): y = activation(x Wᵀ + bias + scaling · dropout(x) Aᵀ Bᵀ). It takes the place
 * of the layer. Names in the state dict are PEFT's: base_layer.weight, lora_A.NAME.weight.
 */
export class LoraLinear extends Module {
  readonly baseLayer: Linear<boolean>;
  readonly #adapters = new Map<string, Adapter>();
  #active: string | undefined;

  constructor(baseLayer: Linear<boolean>) {
    super();
    this.baseLayer = baseLayer;
    this.training = baseLayer.training;
  }

  get weight(): Tensor {
    return this.baseLayer.weight;
  }

  get bias(): Tensor | null {
    return this.baseLayer.bias;
  }

  /** The adapter that takes part in `forward`. */
  get activeAdapter(): string | undefined {
    guardValue(this, () => this.#active);
    return this.#active;
  }

  /** Only the active adapter requires gradients. Adapters that this layer lacks count as none. */
  set activeAdapter(name: string | undefined) {
    this.#active = name;
    for (const [each, { A, B }] of this.#adapters)
      for (const matrix of [A, B]) matrix.requiresGrad_(each === name);
  }

  /**
   * Adds an adapter that changes nothing yet: A is uniform within ±1/√in, as PEFT's, and B is 0.
   * @throws ArgumentError if there is one of that name.
   */
  addAdapter(
    name: string,
    options: { r: number; scaling: number; dropout: number; random?: Philox },
  ): void {
    const { r, scaling, dropout, random } = options;
    if (this.#adapters.has(name))
      throw new ArgumentError(`addAdapter: expected a name that is free, got '${name}'`);
    const { device, shape } = this.weight;
    const [out, inputs] = shape;
    const A = new LoraMatrix(zeros([r, inputs], { device }));
    kaimingUniform_(A.weight, { a: Math.sqrt(5), random });
    const B = new LoraMatrix(zeros([out, r], { device }));
    this.#adapters.set(name, { A, B, dropout: new Dropout(dropout), scaling });
    this.train(this.training);
  }

  /** A: [r, in], B: [out, r] of an adapter; undefined if this layer lacks it. */
  matrices(name: string): { A: Tensor; B: Tensor } | undefined {
    const adapter = this.#adapters.get(name);
    return adapter && { A: adapter.A.weight, B: adapter.B.weight };
  }

  /** Adds the active adapter to the weight of the layer. */
  merge(): void {
    const adapter = this.#adapters.get(this.#active ?? '');
    if (!adapter) return;
    const { A, B, scaling } = adapter;
    noGrad(() =>
      scope(() => {
        const change = matmul(B.weight, A.weight).mul(scaling);
        this.weight.copy_(this.weight.add(change));
      }),
    );
  }

  forward(x: Tensor, activation: Activation = 'none'): Tensor {
    const adapter = this.#adapters.get(this.activeAdapter ?? '');
    const { weight, bias } = this;
    if (!adapter) return linear(x, weight, bias, activation);
    const { A, B, dropout, scaling } = adapter;
    const low = linear(dropout.forward(x), A.weight).mul(scaling);
    return activate[activation](linear(x, weight, bias).add(linear(low, B.weight)));
  }

  override *namedChildren(): Generator<[string, Module]> {
    yield* super.namedChildren();
    for (const [name, { A, B, dropout }] of this.#adapters) {
      yield [`lora_A.${name}`, A];
      yield [`lora_B.${name}`, B];
      yield [`lora_dropout.${name}`, dropout];
    }
  }
}
