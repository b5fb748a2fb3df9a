import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  Adadelta,
  Adam,
  Adamax,
  AdamW,
  clipGradNorm,
  getConstantScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  Lion,
  NAdam,
  type Optimizer,
  type OptimizerState,
  RAdam,
  SGD,
} from '../../../src/nn/optim/index.ts';
import { ArgumentError } from '../../../src/platform/errors.ts';
import { type Tensor, tensor } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tryWebGpu } from '../../support/devices.ts';

type AnyOptimizer = Optimizer<{ lr: number }>;

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

const shapes = [[3, 5], [1], [1100], [7]];
const values = (seed: number) => {
  const random = new Philox(seed);
  return shapes.map((shape) =>
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
  );
};
const read = (params: Tensor[]) => Promise.all(params.map((param) => param.data()));

/** A copy on the host, through JSON but for the arrays. */
async function copyOf<O>({
  state,
  paramGroups,
}: OptimizerState<O, Tensor>): Promise<OptimizerState<O, { data: Float32Array }>> {
  const copied = state.map(async ({ step, buffers }) => {
    const own = Object.entries(buffers).map(
      async ([name, of]) => [name, { data: (await of.data()) as Float32Array }] as const,
    );
    return { step, buffers: Object.fromEntries(await Promise.all(own)) };
  });
  return { state: await Promise.all(copied), paramGroups: JSON.parse(JSON.stringify(paramGroups)) };
}

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('the state of an optimiser on %s', (_, device) => {
  const setUp = (make: (params: Tensor[]) => AnyOptimizer, from: ArrayLike<number>[]) => {
    const params = from.map((data, i) =>
      tensor(Float32Array.from(data), { shape: shapes[i], device }).requiresGrad_(),
    );
    const optimizer = make(params);
    const schedule = getLinearScheduleWithWarmup(optimizer, 2, 9);
    const steps = (first: number, last: number) => {
      for (let step = first; step <= last; step++) {
        // The last parameter begins later, so that counts of steps differ.
        const active = params.slice(0, step < 3 ? 3 : 4);
        for (const [i, param] of active.entries())
          param
            .mul(tensor(values(step)[i], { shape: shapes[i], device }))
            .sum()
            .backward();
        optimizer.step();
        optimizer.zeroGrad();
        schedule.step();
      }
    };
    return { params, optimizer, schedule, steps };
  };
  const groups = (params: Tensor[]) => [
    { params: params.slice(1), weightDecay: 0.1 },
    { params: params.slice(0, 1) },
  ];

  it.skipIf(!device)(
    'sees gradients that are set by hand, and those that a backward adds to them',
    async () => {
      const param = tensor([1, 2, 3], { device }).requiresGrad_();
      const optimizer = new SGD([param], { lr: 1 });
      const step = async () => {
        optimizer.step();
        optimizer.zeroGrad();
        return [...(await param.data())];
      };
      param
        .mul(tensor([1, 1, 1], { device }))
        .sum()
        .backward();
      expect(await step()).toEqual([0, 1, 2]);
      param.grad = tensor([4, 5, 6], { device });
      expect(await step()).toEqual([-4, -4, -4]);
      param.grad = tensor([[1], [2], [3]], { device })
        .transpose(0, 1)
        .slice([[0, 1]])
        .reshape([3]);
      param.mul(2).sum().backward();
      expect(await step()).toEqual([-7, -8, -9]);
      param
        .mul(tensor([1, 0, 0], { device }))
        .sum()
        .backward();
      expect(await step()).toEqual([-8, -8, -9]);
      expect(() => {
        param.grad = tensor([1, 2], { device });
      }).toThrow('grad: expected a gradient of shape [3], got');
      optimizer.dispose();
    },
  );

  it.skipIf(!device)('takes one parameter’s gradient for another’s', async () => {
    const [param, twin] = [1, 2].map((value) => tensor([value], { device, requiresGrad: true }));
    const optimizer = new SGD([param, twin], { lr: 1 });
    param.mul(3).sum().backward();
    twin.grad = param.grad;
    optimizer.step();
    expect([...(await param.data()), ...(await twin.data())]).toEqual([-2, -1]);
    optimizer.dispose();
  });

  it.skipIf(!device).each<[string, (params: Tensor[]) => AnyOptimizer]>([
    ['AdamW', (params) => new AdamW(groups(params), { lr: 0.1 })],
    ['AMSGrad', (params) => new Adam(params, { lr: 0.1, amsgrad: true })],
    ['SGD', (params) => new SGD(params, { lr: 0.1, momentum: 0.9, nesterov: true })],
    ['NAdam', (params) => new NAdam(groups(params), { lr: 0.1 })],
    ['RAdam', (params) => new RAdam(params, { lr: 0.1, betas: [0.8, 0.9] })],
    ['Adamax', (params) => new Adamax(params, { lr: 0.1 })],
    ['Adadelta', (params) => new Adadelta(params)],
    ['Lion', (params) => new Lion(groups(params), { lr: 0.01 })],
  ])('lets another %s go on with the same bits', async (_, make) => {
    const first = setUp(make, values(0));
    first.steps(1, 4);
    const state = await copyOf<never>(first.optimizer.stateDict() as OptimizerState<never, Tensor>);
    const schedule = JSON.parse(JSON.stringify(first.schedule.stateDict()));
    const weights = await read(first.params);
    first.steps(5, 8);

    const second = setUp(make, weights);
    second.optimizer.loadStateDict(state);
    second.schedule.loadStateDict(schedule);
    second.steps(5, 8);
    expect(await read(second.params)).toEqual(await read(first.params));
    expect(second.schedule.getLastLr()).toEqual(first.schedule.getLastLr());

    // Without it, they part.
    const third = setUp(make, weights);
    third.steps(5, 8);
    expect(await read(third.params)).not.toEqual(await read(first.params));
    for (const { optimizer } of [first, second, third]) optimizer.dispose();
  });

  it.skipIf(!device)('holds the rates that another schedule begins with', async () => {
    const { optimizer, schedule } = setUp(
      (params) => new AdamW(groups(params), { lr: 0.1 }),
      values(0),
    );
    expect(schedule.getLastLr()).toEqual([0, 0]);
    schedule.step();
    expect(getConstantScheduleWithWarmup(optimizer, 0).getLastLr()).toEqual([0.1, 0.1]);
    const { optimizer: other } = setUp(
      (params) => new AdamW(groups(params), { lr: 0.3 }),
      values(0),
    );
    other.loadStateDict(await copyOf(optimizer.stateDict() as OptimizerState<never, Tensor>));
    expect(getConstantScheduleWithWarmup(other, 0).getLastLr()).toEqual([0.1, 0.1]);
    for (const one of [optimizer, other]) one.dispose();
  });

  it.skipIf(!device)('stays as it is where another is refused', async () => {
    const make = (params: Tensor[]) => new AdamW(params, { lr: 0.1 });
    const [{ optimizer, steps }, other] = [setUp(make, values(0)), setUp(make, values(1))];
    steps(1, 4);
    const whole = () => copyOf(optimizer.stateDict() as OptimizerState<never, Tensor>);
    const before = await whole();
    type State = OptimizerState<never, Tensor>;
    const load = (change: (state: State) => void) => () => {
      const state = other.optimizer.stateDict() as State;
      change(state);
      optimizer.loadStateDict(state as never);
    };
    const last = (state: State) => state.state.at(-1)!;
    const refused: [(state: State) => void, string][] = [
      [
        (state) => Object.assign(last(state).buffers, { expAvg: tensor([1], { device }) }),
        'parameter 3: `expAvg`: expected float32 [7], got float32 [1]',
      ],
      [
        (state) =>
          Object.assign(last(state).buffers, {
            expAvg: tensor(values(2)[3], { device: new CpuDevice() }),
          }),
        'on the device of the parameters',
      ],
      [(state) => Object.assign(last(state), { step: -1 }), '`step`: expected a whole number ≥ 0'],
      [(state) => Object.assign(state.paramGroups[0], { lr: -1 }), '`lr`: expected a number ≥ 0'],
      [(state) => Object.assign(state.paramGroups[0], { momentum: 1 }), 'option "momentum"'],
    ];
    for (const [change, message] of refused) {
      expect(load(change)).toThrow(message);
      expect(load(change)).toThrow(ArgumentError);
    }
    expect(await whole()).toEqual(before);
    for (const one of [optimizer, other.optimizer]) one.dispose();
  });

  it.skipIf(!device)('has a place for a parameter without elements', async () => {
    const [first, empty, last] = [[1, 2], [], [3]].map((numbers) =>
      tensor(Float32Array.from(numbers), { device }).requiresGrad_(),
    );
    const build = (params: Tensor[]) => new SGD(params, { lr: 1, momentum: 0.9 });
    const optimizer = build([first, empty, last]);
    first.sum().add(empty.sum()).add(last.sum()).backward();
    expect(await clipGradNorm([empty, first, last], 10).item()).toBeCloseTo(Math.sqrt(3), 5);
    optimizer.step();
    expect([...(await first.data()), ...(await last.data())]).toEqual([0, 1, 2]);
    expect(empty.grad!.shape).toEqual([0]);
    optimizer.loadStateDict(optimizer.stateDict());
    optimizer.dispose();
    const alone = build([tensor(new Float32Array(0), { device }).requiresGrad_()]);
    alone.paramGroups[0].params[0].sum().backward();
    alone.step();
    alone.dispose();
  });

  it.skipIf(!device)('is refused where it does not fit', async () => {
    const { optimizer, schedule } = setUp((params) => new AdamW(params, { lr: 0.1 }), values(0));
    const own = await copyOf(optimizer.stateDict() as OptimizerState<never, Tensor>);
    const load = (state: typeof own) => () => optimizer.loadStateDict(state);
    const groups = [{ ...(own.paramGroups[0] as object), params: [0, 1, 2] }] as never;
    expect(load({ ...own, paramGroups: groups })).toThrow(
      'expected a state of the same groups of parameters',
    );
    expect(load({ ...own, state: own.state.map(({ step }) => ({ step, buffers: {} })) })).toThrow(
      'parameter 0: expected the buffers',
    );
    const short = own.state.map(({ step, buffers }) => ({
      step,
      buffers: { ...buffers, expAvg: { data: new Float32Array(2) } },
    }));
    expect(load({ ...own, state: short })).toThrow(
      'parameter 0: `expAvg`: expected 15 numbers for shape [3, 5], got 2',
    );
    expect(() => schedule.loadStateDict({ lastEpoch: 3, baseLrs: [1, 2] })).toThrow(
      'expected a state of 1 groups of parameters, got 2',
    );
  });
});
