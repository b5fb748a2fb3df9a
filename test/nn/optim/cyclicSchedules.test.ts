import { describe, expect, it } from 'vitest';
import * as optim from '../../../src/nn/optim/index.ts';
import { tensor, zeros } from '../../../src/tensor/index.ts';

type Target = { paramGroups: { lr: number }[] };
/** Rates of torch 1.13 from 0.5 on, before each step. */
const schedules: Record<string, [(optimizer: Target) => { step(): void }, number[]]> = {
  ConstantLR: [
    (o) => new optim.ConstantLR(o, { factor: 0.25, totalIters: 3 }),
    [0.125, 0.125, 0.125, 0.5, 0.5],
  ],
  PolynomialLR: [
    (o) => new optim.PolynomialLR(o, { totalIters: 4, power: 2 }),
    [0.5, 0.28125, 0.125, 0.03125, 0, 0],
  ],
  CosineAnnealingWarmRestarts: [
    (o) => new optim.CosineAnnealingWarmRestarts(o, 2, { tMult: 2, etaMin: 0.1 }),
    [0.5, 0.3, 0.5, 0.4414214, 0.3, 0.1585786, 0.5, 0.4847759, 0.4414214],
  ],
  OneCycleLR: [
    (o) => new optim.OneCycleLR(o, 1, { totalSteps: 10 }),
    [0.04, 0.52, 1, 0.9504846, 0.8117457, 0.611262, 0.388742, 0.1882583, 0.04951937, 4e-6],
  ],
  'OneCycleLR along lines': [
    (o) => new optim.OneCycleLR(o, 1, { totalSteps: 8, pctStart: 0.5, annealStrategy: 'linear' }),
    [0.04, 0.36, 0.68, 1, 0.750001, 0.500002, 0.250003, 4e-6],
  ],
  SequentialLR: [
    (o) =>
      new optim.SequentialLR(
        o,
        [
          new optim.LinearLR(o, { startFactor: 0.2, totalIters: 4 }),
          new optim.ExponentialLR(o, 0.5),
        ],
        [3],
      ),
    [0.1, 0.2, 0.3, 0.5, 0.25, 0.125, 0.0625],
  ],
  'OneCycleLR whose top is the first step': [
    (o) => new optim.OneCycleLR(o, 1, { totalSteps: 5, pctStart: 0.2, annealStrategy: 'linear' }),
    [1, 0.750001, 0.500002, 0.250003, 4e-6],
  ],
  'OneCycleLR that only rises': [
    (o) => new optim.OneCycleLR(o, 1, { totalSteps: 3, pctStart: 1, annealStrategy: 'linear' }),
    [0.04, 0.52, 1],
  ],
  'PolynomialLR of no steps': [(o) => new optim.PolynomialLR(o, { totalIters: 0 }), [0.5, 0.5]],
  MultiplicativeLR: [
    (o) => new optim.MultiplicativeLR(o, (step) => 1 - step / 10),
    [0.5, 0.45, 0.36, 0.252, 0.1512, 0.0756, 0.03024, 0.009072, 0.0018144],
  ],
  CyclicLR: [
    (o) => new optim.CyclicLR(o, 0.1, 0.5, { stepSizeUp: 2 }),
    [0.1, 0.3, 0.5, 0.3, 0.1, 0.3, 0.5, 0.3, 0.1],
  ],
  'CyclicLR of halves': [
    (o) => new optim.CyclicLR(o, 0.1, 0.5, { stepSizeUp: 2, stepSizeDown: 1, mode: 'triangular2' }),
    [0.1, 0.3, 0.5, 0.1, 0.2, 0.3, 0.1, 0.15, 0.2],
  ],
  'CyclicLR that decays': [
    (o) => new optim.CyclicLR(o, 0.1, 0.5, { stepSizeUp: 2, mode: 'exp_range', gamma: 0.9 }),
    [0.1, 0.28, 0.424, 0.2458, 0.1, 0.218098, 0.3125764, 0.1956594, 0.1],
  ],
  ChainedScheduler: [
    (o) =>
      new optim.ChainedScheduler([
        new optim.ConstantLR(o, { factor: 0.1, totalIters: 2 }),
        new optim.ExponentialLR(o, 0.9),
      ]),
    [0.05, 0.045, 0.405, 0.3645, 0.32805, 0.295245, 0.2657205, 0.2391485, 0.2152336],
  ],
  'ChainedScheduler of three': [
    (o) =>
      new optim.ChainedScheduler([
        new optim.LinearLR(o, { startFactor: 0.5, totalIters: 4 }),
        new optim.MultiStepLR(o, [2, 5], { gamma: 0.5 }),
        new optim.CosineAnnealingLR(o, 20),
      ]),
    [0.25, 0.3105763, 0.1829115, 0.2068288, 0.2261271, 0.1066942, 0.0992366, 0.0908744],
  ],
};

describe('schedules', () => {
  it.each(Object.keys(schedules))('%s gives PyTorch’s rates', (name) => {
    const [make, expected] = schedules[name];
    const optimizer: Target = { paramGroups: [{ lr: 0.5 }] };
    const schedule = make(optimizer);
    for (const rate of expected) {
      expect(optimizer.paramGroups[0].lr).toBeCloseTo(rate, 6);
      schedule.step();
    }
  });

  it('go on from a state where they were', () => {
    for (const [name, [make, expected]] of Object.entries(schedules)) {
      const optimizer: Target = { paramGroups: [{ lr: 0.5 }] };
      const first = make(optimizer) as optim.StepLR;
      for (let step = 0; step < 3; step++) first.step();
      // The state has the rates that the first began with.
      const other: Target = { paramGroups: [{ lr: 0.75 }] };
      const second = make(other) as optim.StepLR;
      second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
      for (const rate of expected.slice(3)) {
        expect(other.paramGroups[0].lr, name).toBeCloseTo(rate, 6);
        second.step();
      }
    }
  });

  it('plateaus go on from a state, through JSON', () => {
    const make = () => {
      const optimizer: Target = { paramGroups: [{ lr: 1 }] };
      return [optimizer, new optim.ReduceLROnPlateau(optimizer, { patience: 1 })] as const;
    };
    const [, fresh] = make();
    expect(JSON.parse(JSON.stringify(fresh.stateDict())).best).toBe(null);
    const [, first] = make();
    for (const metric of [1, 2]) first.step(metric);
    const [optimizer, other] = make();
    other.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
    other.step(2);
    expect(optimizer.paramGroups[0].lr).toBeCloseTo(0.1, 9);
  });

  it('takes a function for each group', () => {
    for (const Schedule of [optim.LambdaLR, optim.MultiplicativeLR]) {
      const optimizer: Target = { paramGroups: [{ lr: 1 }, { lr: 2 }] };
      const schedule = new Schedule(optimizer, [(step) => 1 / (1 + step), () => 3]);
      schedule.step();
      expect(schedule.getLastLr()).toEqual([0.5, 6]);
      const wrong = (lambdas: unknown) => () => new Schedule(optimizer, lambdas as () => number);
      const expected = '`lrLambda`: expected a function, or one for each of 2 groups, got ';
      expect(wrong([() => 1])).toThrow(`${expected}1 elements`);
      expect(wrong(0.5)).toThrow(`${expected}0.5`);
    }
  });

  it('ends after its steps', () => {
    const optimizer: Target = { paramGroups: [{ lr: 1 }] };
    const schedule = new optim.OneCycleLR(optimizer, 1, { totalSteps: 3 });
    for (let step = 0; step < 3; step++) schedule.step();
    expect(() => schedule.step()).toThrow(
      'OneCycleLR: `totalSteps`: expected 3 steps or fewer, got 4',
    );
  });

  it('refuse options in another form, and a metric that is no number', () => {
    const optimizer: Target = { paramGroups: [{ lr: 1 }] };
    const options = 0.5 as unknown as object;
    const made: (() => unknown)[] = [
      () => new optim.StepLR(optimizer, 3, options),
      () => new optim.MultiStepLR(optimizer, [3], options),
      () => new optim.ConstantLR(optimizer, options),
      () => new optim.LinearLR(optimizer, options),
      () => new optim.PolynomialLR(optimizer, options),
      () => new optim.CosineAnnealingLR(optimizer, 3, options),
      () => new optim.CosineAnnealingWarmRestarts(optimizer, 3, options),
      () => new optim.OneCycleLR(optimizer, 1, options as { totalSteps: number }),
      () => new optim.CyclicLR(optimizer, 0, 1, options),
      () => new optim.ReduceLROnPlateau(optimizer, options),
      () => optim.getCosineScheduleWithWarmup(optimizer, 1, 3, options),
      () => optim.getCosineWithHardRestartsScheduleWithWarmup(optimizer, 1, 3, options),
      () => optim.getPolynomialDecayScheduleWithWarmup(optimizer, 1, 3, options),
    ];
    for (const make of made) expect(make).toThrow(/expected options as an object, \{ .* got 0.5/);
    const plateau = new optim.ReduceLROnPlateau(optimizer);
    for (const [metric, got] of [
      [tensor([1]), 'Tensor'],
      [tensor([1]).item(), 'Promise'],
      [undefined, 'undefined'],
    ])
      expect(() => plateau.step(metric as unknown as number)).toThrow(
        `ReduceLROnPlateau.step: \`metric\`: expected a number, got ${got}`,
      );
  });

  it('refuse what makes no sense', () => {
    const optimizer: Target = { paramGroups: [{ lr: 1 }] };
    expect(() => new optim.OneCycleLR(optimizer, 1, { totalSteps: 0 })).toThrow('`totalSteps`');
    const oneCycle = (options: object) => () =>
      new optim.OneCycleLR(optimizer, 1, { totalSteps: 9, ...options });
    for (const pctStart of [-0.1, 1.5, Number.NaN])
      expect(oneCycle({ pctStart })).toThrow('`pctStart`: expected a number from 0 to 1');
    expect(oneCycle({ annealStrategy: 'line' })).toThrow('expected cos or linear, got "line"');
    expect(oneCycle({ divFactor: Number.NaN })).toThrow('got the rate NaN');
    const plateau = (options: object) => () => new optim.ReduceLROnPlateau(optimizer, options);
    expect(plateau({ mode: 'minimum' })).toThrow('`mode`: expected min or max, got "minimum"');
    expect(plateau({ thresholdMode: 'no' })).toThrow('`thresholdMode`: expected rel or abs');
    expect(() => new optim.CosineAnnealingWarmRestarts(optimizer, 0)).toThrow('`t0`');
    expect(() => new optim.CyclicLR(optimizer, 0, 1, { stepSizeUp: 0 })).toThrow('`stepSizeUp`');
    const mode = 'square' as 'triangular';
    expect(() => new optim.CyclicLR(optimizer, 0, 1, { mode })).toThrow('`mode`');
    expect(() => new optim.ChainedScheduler([])).toThrow('schedules of one optimizer');
    const twins = [0, 1].map(() => new optim.StepLR({ paramGroups: [{ lr: 1 }] }, 2));
    expect(() => new optim.ChainedScheduler(twins)).toThrow('schedules of one optimizer');
    expect(() => new optim.SequentialLR(optimizer, [], [])).toThrow('one milestone less');
    const one = new optim.SequentialLR(optimizer, [new optim.StepLR(optimizer, 2)], []);
    expect(() => one.loadStateDict({ lastEpoch: 1, schedulers: [] })).toThrow('of 1 schedules');
  });
});

describe('vectors of parameters', () => {
  it('hold all elements, and are written back', async () => {
    const [a, b] = [tensor([[1, 2]]).requiresGrad_(), tensor([3]).requiresGrad_()];
    const vector = optim.parametersToVector([a, b]);
    expect(await vector.tolist()).toEqual([1, 2, 3]);
    vector.sum().backward();
    expect(await a.grad!.tolist()).toEqual([[1, 1]]);
    optim.vectorToParameters(vector.detach().mul(2), [a, b]);
    expect([await a.tolist(), await b.tolist()]).toEqual([[[2, 4]], [6]]);
    expect(() => optim.vectorToParameters(zeros(2), [a, b])).toThrow('a vector of 3 elements');
  });
});
