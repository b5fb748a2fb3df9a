import { gelu, relu, type Tensor, tanh } from '../tensor/index.ts';
import { Module } from './module.ts';

/** max(x, 0), element by element. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** x Φ(x), element by element, with the exact normal distribution Φ (Hendrycks & Gimpel 2016). */
export class GELU extends Module {
  forward(x: Tensor): Tensor {
    return gelu(x);
  }
}

/** Hyperbolic tangent, element by element. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}
