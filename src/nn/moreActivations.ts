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

/** `relu6` as a module. */
export class ReLU6 extends Plain {
  protected readonly call = functions.relu6;
}
/** `hardsigmoid` as a module. */
export class Hardsigmoid extends Plain {
  protected readonly call = functions.hardsigmoid;
}
/** `hardswish` as a module. */
export class Hardswish extends Plain {
  protected readonly call = functions.hardswish;
}
/** `softsign` as a module. */
export class Softsign extends Plain {
  protected readonly call = functions.softsign;
}
/** `mish` as a module. */
export class Mish extends Plain {
  protected readonly call = functions.mish;
}
/** `selu` as a module. */
export class SELU extends Plain {
  protected readonly call = functions.selu;
}
/** `tanhshrink` as a module. */
export class Tanhshrink extends Plain {
  protected readonly call = functions.tanhshrink;
}
/** `logSigmoid` as a module. */
export class LogSigmoid extends Plain {
  protected readonly call = functions.logSigmoid;
}

/** An activation with one number. */
abstract class WithNumber extends Module {
  readonly value: number;
  protected abstract readonly call: (x: Tensor, value: number) => Tensor;

  constructor(value: number) {
    super();
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    return this.call(x, this.value);
  }
}

/** `elu` as a module. */
export class ELU extends WithNumber {
  protected readonly call = functions.elu;

  constructor(alpha = 1) {
    super(alpha);
  }
}
/** `celu` as a module. */
export class CELU extends WithNumber {
  protected readonly call = functions.celu;

  constructor(alpha = 1) {
    super(alpha);
  }
}
/** `hardshrink` as a module. */
export class Hardshrink extends WithNumber {
  protected readonly call = functions.hardshrink;

  constructor(lambd = 0.5) {
    super(lambd);
  }
}
/** `softshrink` as a module. */
export class Softshrink extends WithNumber {
  protected readonly call = functions.softshrink;

  constructor(lambd = 0.5) {
    super(lambd);
  }
}
/** `glu` as a module: halves the size of a dimension. Default: the last. */
export class GLU extends WithNumber {
  protected readonly call = functions.glu;

  constructor(dim = -1) {
    super(dim);
  }
}
/** `softmin` as a module. Default: over the last dimension. */
export class Softmin extends WithNumber {
  protected readonly call = functions.softmin;

  constructor(dim = -1) {
    super(dim);
  }
}

/** An activation with two numbers. */
abstract class WithNumbers extends Module {
  readonly values: readonly [number, number];
  protected abstract readonly call: (x: Tensor, a: number, b: number) => Tensor;

  constructor(...values: [number, number]) {
    super();
    this.values = values;
  }

  forward(x: Tensor): Tensor {
    return this.call(x, ...this.values);
  }
}

/** `hardtanh` as a module. */
export class Hardtanh extends WithNumbers {
  protected readonly call = functions.hardtanh;

  constructor(minVal = -1, maxVal = 1) {
    super(minVal, maxVal);
  }
}
/** `threshold` as a module. */
export class Threshold extends WithNumbers {
  protected readonly call = functions.threshold;

  constructor(threshold: number, value: number) {
    super(threshold, value);
  }
}

/** `prelu` as a module, with learnt weights: one, or one for each channel (dimension 1). */
export class PReLU extends Module {
  readonly weight: Tensor;

  constructor(numParameters = 1, { init = 0.25 }: { init?: number } = {}) {
    super();
    this.weight = parameter(full([numParameters], init));
  }

  forward(x: Tensor): Tensor {
    return functions.prelu(x, this.weight);
  }
}
