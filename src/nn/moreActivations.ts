import { checkNumbers, checkOptions } from '../platform/options.ts';
import * as functions from '../tensor/index.ts';
import { full, type Tensor } from '../tensor/index.ts';
import { parameter } from './layers.ts';
import { Module } from './module.ts';

/** An activation without settings. */
abstract class Plain extends Module {
  protected abstract readonly call: (x: Tensor) => Tensor;

  forward(x: Tensor): Tensor {
    return this.call(x);
  }
}

/**
 * `relu6` as a module.
 * @example
 * new nn.ReLU6().forward(tensor([-1.5, 7.5])); // [0, 6]
 */
export class ReLU6 extends Plain {
  protected readonly call = functions.relu6;
}
/**
 * `hardsigmoid` as a module.
 * @example
 * new nn.Hardsigmoid().forward(tensor([-3.5, 0, 1.5])); // [0, 0.5, 0.75]
 */
export class Hardsigmoid extends Plain {
  protected readonly call = functions.hardsigmoid;
}
/**
 * `hardswish` as a module.
 * @example
 * new nn.Hardswish().forward(tensor([-3.5, 0, 1.5])); // [0, 0, 1.125]
 */
export class Hardswish extends Plain {
  protected readonly call = functions.hardswish;
}
/**
 * `softsign` as a module.
 * @example
 * new nn.Softsign().forward(tensor([-1, 0.25])); // [-0.5, 0.2]
 */
export class Softsign extends Plain {
  protected readonly call = functions.softsign;
}
/**
 * `mish` as a module.
 * @example
 * new nn.Mish().forward(tensor([-1.5, 0.5])); // [-0.2981, 0.3752]
 */
export class Mish extends Plain {
  protected readonly call = functions.mish;
}
/**
 * `selu` as a module.
 * @example
 * new nn.SELU().forward(tensor([-1.5, 0.5])); // [-1.366, 0.5254]
 */
export class SELU extends Plain {
  protected readonly call = functions.selu;
}
/**
 * `tanhshrink` as a module.
 * @example
 * new nn.Tanhshrink().forward(tensor([-1.5, 0.5])); // [-0.5949, 0.03788]
 */
export class Tanhshrink extends Plain {
  protected readonly call = functions.tanhshrink;
}
/**
 * `logSigmoid` as a module.
 * @example
 * new nn.LogSigmoid().forward(tensor([0, 1])); // [-0.6931, -0.3133]
 */
export class LogSigmoid extends Plain {
  protected readonly call = functions.logSigmoid;
}

/** An activation with one number. */
abstract class WithNumber extends Module {
  readonly value: number;
  protected abstract readonly call: (x: Tensor, value: number) => Tensor;

  /** @throws ArgumentError unless it is a number. */
  constructor(named: Record<string, number>) {
    super();
    checkNumbers(this.constructor.name, named);
    [this.value] = Object.values(named);
  }

  forward(x: Tensor): Tensor {
    return this.call(x, this.value);
  }
}

/**
 * `elu` as a module.
 * @example
 * new nn.ELU().forward(tensor([-1.5, 0.5])); // [-0.7769, 0.5]
 */
export class ELU extends WithNumber {
  protected readonly call = functions.elu;

  constructor(alpha = 1) {
    super({ alpha });
  }
}
/**
 * `celu` as a module.
 * @example
 * new nn.CELU().forward(tensor([-1.5, 0.5])); // [-0.7769, 0.5]
 */
export class CELU extends WithNumber {
  protected readonly call = functions.celu;

  constructor(alpha = 1) {
    super({ alpha });
  }
}
/**
 * `hardshrink` as a module.
 * @example
 * new nn.Hardshrink().forward(tensor([-1.5, 0.25])); // [-1.5, 0]
 */
export class Hardshrink extends WithNumber {
  protected readonly call = functions.hardshrink;

  constructor(lambd = 0.5) {
    super({ lambd });
  }
}
/**
 * `softshrink` as a module.
 * @example
 * new nn.Softshrink().forward(tensor([-1.5, 0.25])); // [-1, 0]
 */
export class Softshrink extends WithNumber {
  protected readonly call = functions.softshrink;

  constructor(lambd = 0.5) {
    super({ lambd });
  }
}
/**
 * `glu` as a module: halves the size of a dimension. Default: the last.
 * @example
 * new nn.GLU().forward(tensor([1.5, 2.5, 0, 0])); // [0.75, 1.25]
 */
export class GLU extends WithNumber {
  protected readonly call = functions.glu;

  constructor(dim = -1) {
    super({ dim });
  }
}
/**
 * `softmin` as a module. Default: over the last dimension.
 * @example
 * new nn.Softmin().forward(tensor([0.5, 0.5])); // [0.5, 0.5]
 */
export class Softmin extends WithNumber {
  protected readonly call = functions.softmin;

  constructor(dim = -1) {
    super({ dim });
  }
}

/** An activation with two numbers. */
abstract class WithNumbers extends Module {
  readonly values: readonly [number, number];
  protected abstract readonly call: (x: Tensor, a: number, b: number) => Tensor;

  /** @throws ArgumentError unless they are numbers. */
  constructor(named: Record<string, number>) {
    super();
    checkNumbers(this.constructor.name, named);
    const [a, b] = Object.values(named);
    this.values = [a, b];
  }

  forward(x: Tensor): Tensor {
    return this.call(x, ...this.values);
  }
}

/**
 * `hardtanh` as a module.
 * @example
 * new nn.Hardtanh().forward(tensor([-1.5, 0.5])); // [-1, 0.5]
 */
export class Hardtanh extends WithNumbers {
  protected readonly call = functions.hardtanh;

  constructor(minVal = -1, maxVal = 1) {
    super({ minVal, maxVal });
  }
}
/**
 * `threshold` as a module.
 * @example
 * new nn.Threshold(0, 20).forward(tensor([-1.5, 0.5])); // [20, 0.5]
 */
export class Threshold extends WithNumbers {
  protected readonly call = functions.threshold;

  constructor(threshold: number, value: number) {
    super({ threshold, value });
  }
}

/**
 * `prelu` as a module, with learnt weights: one, or one for each channel (dimension 1).
 * @example
 * new nn.PReLU().forward(tensor([-1.5, 0.5])); // [-0.375, 0.5]
 */
export class PReLU extends Module {
  weight: Tensor;

  constructor(numParameters = 1, options: { init?: number } = {}) {
    super();
    checkOptions('PReLU', options, ['init']);
    const { init = 0.25 } = options;
    checkNumbers('PReLU', { numParameters, init });
    this.weight = parameter(full([numParameters], init));
  }

  forward(x: Tensor): Tensor {
    return functions.prelu(x, this.weight);
  }
}
