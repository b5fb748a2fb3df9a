import { describe, expect, it } from 'vitest';
import { Linear } from '../../../src/nn/index.ts';
import {
  Adadelta,
  Adagrad,
  Adam,
  type AdamOptions,
  AdamW,
  clipGradNorm,
  clipGradValue,
  Lion,
  NAdam,
  RAdam,
  RMSprop,
  SGD,
  type SgdOptions,
} from '../../../src/nn/optim/index.ts';
import { ArgumentError } from '../../../src/platform/errors.ts';
import { tensor } from '../../../src/tensor/index.ts';

describe('an optimiser', () => {
  it('checks its options, and takes defaults for undefined ones', async () => {
    const param = () => tensor([1], { requiresGrad: true });
    const adam = (options: Partial<AdamOptions>) => () => new Adam([param()], options).dispose();
    const sgd = (options: Partial<SgdOptions>) => () => new SGD([param()], options).dispose();
    const refused: [() => void, string][] = [
      [adam({ lr: -1 }), '`lr`: expected a number ≥ 0, got -1'],
      [adam({ lr: Number.NaN }), '`lr`: expected a number ≥ 0, got NaN'],
      [adam({ eps: -1e-8 }), '`eps`: expected a number ≥ 0'],
      [adam({ weightDecay: -1 }), '`weightDecay`: expected a number ≥ 0'],
      [adam({ betas: [0.9, 1] }), '`betas`: expected two numbers ≥ 0 and < 1, got 0.9 and 1'],
      [adam({ betas: [-0.1, 0.9] }), '`betas`: expected'],
      [sgd({ lr: -1 }), '`lr`: expected'],
      [sgd({ momentum: -0.9 }), '`momentum`: expected'],
      [sgd({ nesterov: true }), '`nesterov`: expected `momentum` > 0'],
      [
        sgd({ nesterov: true, momentum: 0.9, dampening: 0.1 }),
        '`nesterov`: expected `momentum` > 0 and `dampening` 0, got 0.9 and 0.1',
      ],
      [() => new RMSprop([param()], { alpha: -1 }), '`alpha`: expected a number ≥ 0, got -1'],
      [() => new RMSprop([param()], { momentum: -1 }), '`momentum`: expected a number ≥ 0'],
      [
        () => new Adagrad([param()], { initialAccumulatorValue: -1 }),
        '`initialAccumulatorValue`: expected a number ≥ 0',
      ],
      [() => new Adagrad([param()], { lrDecay: Number.NaN }), '`lrDecay`: expected'],
      [
        () => new Adadelta([param()], { rho: 1.5 }),
        '`rho`: expected a number from 0 to 1, got 1.5',
      ],
      [() => new NAdam([param()], { momentumDecay: -1 }), '`momentumDecay`: expected a number ≥ 0'],
      [() => new RAdam([param()], { betas: [0.9, 1] }), '`betas`: expected two numbers'],
      [() => new Lion([param()], { betas: [1, 0.9] }), '`betas`: expected two numbers'],
      [() => new AdamW([{ params: [param()], lr: -1 }]), '`lr`: expected a number ≥ 0, got -1'],
    ];
    for (const [make, message] of refused) {
      expect(make).toThrow(message);
      expect(make).toThrow(ArgumentError);
    }
    expect(() => new Adam([{ params: [param()], amsgrad: true }])).toThrow(ArgumentError);

    const whole = { lr: undefined, betas: undefined, eps: undefined, weightDecay: undefined };
    const optimizer = new AdamW([{ params: [param()], ...whole }], whole);
    const [{ params: _, ...options }] = optimizer.paramGroups;
    expect(options).toEqual({
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.01,
      amsgrad: false,
    });
    optimizer.dispose();
  });

  it('refuses what it does not know, in groups too', () => {
    const param = () => tensor([1], { requiresGrad: true });
    const unknown = { lr: 0.1, maximize: true } as Partial<SgdOptions>;
    expect(() => new SGD([param()], unknown)).toThrow(
      'optimizer: unknown option "maximize": expected one of lr, momentum, dampening, ' +
        'weightDecay, nesterov',
    );
    for (const Class of [Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RAdam, RMSprop])
      expect(() => new Class([param()], { weight_decay: 9 } as object)).toThrow('"weight_decay"');
    const group = { params: [param()], weight_decay: 9 };
    expect(() => new AdamW([group])).toThrow('unknown option "weight_decay"');
    // What a schedule adds to a group may stay there.
    const scheduled = { params: [param()], initialLr: 1 };
    const optimizer = new SGD([scheduled]);
    expect(() => optimizer.addParamGroup(group)).toThrow('unknown option "weight_decay"');
    expect(optimizer.paramGroups).toHaveLength(1);
    const rate = 0.1 as unknown as object;
    expect(() => new SGD([param()], rate)).toThrow(
      'optimizer: expected options as an object, { lr, momentum, dampening, weightDecay, ' +
        'nesterov }, got 0.1',
    );
    const closure = (() => 1) as unknown as undefined;
    expect(() => optimizer.step(closure)).toThrow('optimizer.step: expected nothing or a tensor');
    optimizer.dispose();
  });

  it('takes a list of parameters, not a module or a tensor', () => {
    const layer = new Linear(2, 1);
    const list = 'expected a list of parameters, such as `model.parameters()`, got ';
    const refused: [unknown, string][] = [
      [layer, 'Linear'],
      [layer.weight, 'Tensor('],
      [undefined, 'undefined'],
      [{ params: [layer.weight] }, '{"params":'],
      [[{ params: layer.weight }], 'Tensor('],
    ];
    for (const [params, got] of refused)
      expect(() => new SGD(params as never)).toThrow(`optimizer: ${list}${got}`);
    const module = layer as never;
    expect(() => clipGradNorm(module, 1)).toThrow(`clipGradNorm: ${list}Linear`);
    expect(() => clipGradValue(module, 1)).toThrow(`clipGradValue: ${list}Linear`);
    new SGD(new Set(layer.parameters()) as never).dispose();
  });
});
