import { checkNumbers, checkOptions } from '../platform/options.ts';
import {
  flatten,
  gelu,
  leakyRelu,
  logSoftmax,
  relu,
  sigmoid,
  silu,
  softmax,
  softplus,
  type Tensor,
  tanh,
} from '../tensor/index.ts';
import { Module } from './module.ts';

/**
 * max(x, 0), element by element.
 * @example
 * new nn.ReLU().forward(tensor([-1.5, 0.5]));
 */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/**
 * x Φ(x), element by element, with the normal distribution Φ (Hendrycks & Gimpel 2016), exact or
 * approximated by tanh.
 * @example
 * new nn.GELU().forward(tensor([-1.5, 0.5]));
 */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  /** @throws ArgumentError for an unknown option. */
  constructor(options: { approximate?: 'none' | 'tanh' } = {}) {
    super();
    checkOptions('GELU', options, ['approximate']);
    this.approximate = options.approximate ?? 'none';
  }

  forward(x: Tensor): Tensor {
    return gelu(x, this.approximate);
  }
}

/**
 * Hyperbolic tangent, element by element.
 * @example
 * new nn.Tanh().forward(tensor([-1.5, 0.5]));
 */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/**
 * 1 / (1 + exp(-x)), element by element.
 * @example
 * new nn.Sigmoid().forward(tensor([-1.5, 0.5]));
 */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/**
 * x sigmoid(x), element by element, also known as swish.
 * @example
 * new nn.SiLU().forward(tensor([-1.5, 0.5]));
 */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/**
 * log(1 + exp(x)), element by element.
 * @example
 * new nn.Softplus().forward(tensor([-1.5, 0.5]));
 */
export class Softplus extends Module {
  forward(x: Tensor): Tensor {
    return softplus(x);
  }
}

/**
 * x where it is positive, else `negativeSlope` x. Default: 0.01.
 * @example
 * new nn.LeakyReLU(0.1).forward(tensor([-1.5, 0.5]));
 */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(negativeSlope = 0.01) {
    super();
    checkNumbers('LeakyReLU', { negativeSlope });
    this.negativeSlope = negativeSlope;
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }
}

/**
 * exp(x) / Σ exp(x) along a dimension. Default: the last.
 * @example
 * new nn.Softmax(-1).forward(tensor([-1.5, 0.5]));
 */
export class Softmax extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    checkNumbers('Softmax', { dim });
    this.dim = dim;
  }

  forward(x: Tensor): Tensor {
    return softmax(x, this.dim);
  }
}

/**
 * log(softmax(x)) along a dimension. Default: the last.
 * @example
 * new nn.LogSoftmax(-1).forward(tensor([-1.5, 0.5]));
 */
export class LogSoftmax extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    checkNumbers('LogSoftmax', { dim });
    this.dim = dim;
  }

  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.dim);
  }
}

/**
 * Merges dimensions `startDim` to `endDim` into one. Default: all but the first.
 * @example
 * const layer = new nn.Flatten();
 * layer.forward(randn([2, 3, 4])).shape; // [2, 12]
 */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    checkNumbers('Flatten', { startDim, endDim });
    this.startDim = startDim;
    this.endDim = endDim;
  }

  forward(x: Tensor): Tensor {
    return flatten(x, this.startDim, this.endDim);
  }
}

/**
 * Its input, as it is.
 * @example
 * new nn.Identity().forward(tensor([-1.5, 0.5]));
 */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}
