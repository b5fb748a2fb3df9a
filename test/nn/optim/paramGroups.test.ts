import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { Linear } from '../../../src/nn/index.ts';
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  LambdaLR,
  Lion,
  NAdam,
  type Optimizer,
  RAdam,
  RMSprop,
  SGD,
} from '../../../src/nn/optim/index.ts';
import { capture, noGrad, setDevice, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';

const devices = await allDevices();
afterEach(() => setDevice(new CpuDevice()));
afterAll(() => {
  for (const [, device] of devices) device?.destroy();
});

type Groups = { params: Tensor[]; lr?: number }[];
type AnyOptimizer = Optimizer<{ lr: number }>;
const makers: [string, (groups: Groups) => AnyOptimizer][] = [
  ['SGD', (groups) => new SGD(groups, { lr: 0.1, momentum: 0.9 })],
  ['AdamW', (groups) => new AdamW(groups, { lr: 0.1 })],
  ['RMSprop', (groups) => new RMSprop(groups, { lr: 0.1, momentum: 0.5, centered: true })],
  ['Adagrad', (groups) => new Adagrad(groups, { lr: 0.1, initialAccumulatorValue: 0.1 })],
  ['Adadelta', (groups) => new Adadelta(groups, { lr: 0.1 })],
  ['NAdam', (groups) => new NAdam(groups, { lr: 0.1, weightDecay: 0.1 })],
  ['RAdam', (groups) => new RAdam(groups, { lr: 0.1, weightDecay: 0.1 })],
  ['Adamax', (groups) => new Adamax(groups, { lr: 0.1 })],
  ['Lion', (groups) => new Lion(groups, { lr: 0.1, weightDecay: 0.1 })],
  ['Adam with amsgrad', (groups) => new Adam(groups, { lr: 0.1, amsgrad: true })],
];

describe.each(devices)('on %s', (_, device) => {
  const here = it.skipIf(!device);
  const parameter = (...values: number[]) => tensor(values, { device, requiresGrad: true });
  const train = (optimizer: AnyOptimizer, params: Tensor[]) => {
    optimizer.zeroGrad();
    for (const x of params) x.square().sum().backward();
    optimizer.step();
  };

  here.each(makers)('%s trains an added group as one of its own', async (_, make) => {
    const [a, b] = [parameter(1, -2, 3), parameter(4, 0.5)];
    const optimizer = make([{ params: [a] }]);
    for (let i = 0; i < 2; i++) train(optimizer, [a]);
    optimizer.addParamGroup({ params: [b], lr: 0.2 });
    for (let i = 0; i < 3; i++) train(optimizer, [a, b]);
    const [c, d] = [parameter(1, -2, 3), parameter(4, 0.5)];
    const [first, second] = [make([{ params: [c] }]), make([{ params: [d], lr: 0.2 }])];
    for (let i = 0; i < 5; i++) train(first, [c]);
    for (let i = 0; i < 3; i++) train(second, [d]);
    expect([await a.tolist(), await b.tolist()]).toEqual([await c.tolist(), await d.tolist()]);
    const { state, paramGroups } = optimizer.stateDict();
    expect(state.map(({ step }) => step)).toEqual([5, 3]);
    expect(paramGroups.map(({ lr, params }) => [lr, params])).toEqual([
      [0.1, [0]],
      [0.2, [1]],
    ]);

    const [e, f] = [parameter(...((await c.tolist()) as number[])), parameter(1, 1)];
    noGrad(() => f.copy_(b));
    const both = make([{ params: [e] }, { params: [f], lr: 9 }]);
    both.loadStateDict(optimizer.stateDict());
    train(both, [e, f]);
    train(optimizer, [a, b]);
    expect([await e.tolist(), await f.tolist()]).toEqual([await a.tolist(), await b.tolist()]);
    for (const one of [optimizer, first, second, both]) one.dispose();
  });

  here.each(makers)('a captured step of %s is traced again', async (_, make) => {
    setDevice(device!);
    const run = async (captured: boolean) => {
      const [a, b] = [parameter(1, -2), parameter(3)];
      const optimizer = make([{ params: [a] }]);
      let i = 0;
      const body = ({ x }: { x: Tensor }) => {
        optimizer.zeroGrad();
        const loss = a.sum().mul(x).square().sum().add(b.sum().square());
        loss.backward();
        optimizer.step();
        // No optimiser drops this one before it joins.
        if (i < 3) b.grad?.dispose();
        if (i < 3) b.grad = null;
        return loss;
      };
      const step = capture(device!, body);
      const losses: number[] = [];
      for (i = 0; i < 5; i++) {
        if (i === 3) optimizer.addParamGroup({ params: [b] });
        const x = { data: Float32Array.of(i, 1), shape: [2] };
        if (captured) losses.push(...(await step.run({ x })));
        else losses.push(await body({ x: tensor(x.data) }).item());
      }
      step.dispose();
      return [...losses, ...((await a.tolist()) as number[]), ...((await b.tolist()) as number[])];
    };
    const replayed = await run(true);
    expect(replayed).toEqual(await run(false));
    expect(replayed.at(-1)).not.toBe(3);
  });

  here('a schedule leaves a group alone that came after it', () => {
    const optimizer = new SGD([parameter(1)], { lr: 1 });
    const schedule = new LambdaLR(optimizer, (step) => 0.5 ** step);
    optimizer.addParamGroup({ params: [parameter(2)], lr: 3 });
    schedule.step();
    schedule.step();
    expect(schedule.getLastLr()).toEqual([0.25, 3]);
    const next = new LambdaLR(optimizer, () => 0.5);
    next.step();
    expect(next.getLastLr()).toEqual([0.5, 1.5]);
  });

  here.each(makers)(
    '%s leaves frozen parameters alone until they are unfrozen',
    async (_, make) => {
      setDevice(device!);
      const layer = new Linear(2, 2);
      layer.bias!.requiresGrad_(false);
      const before = await layer.bias!.tolist();
      const optimizer = make([{ params: [layer.weight, layer.bias!] }]);
      const step = () => {
        optimizer.zeroGrad();
        layer
          .forward(tensor([[1, 0.5]]))
          .square()
          .sum()
          .backward();
        optimizer.step();
      };
      const weight = await layer.weight.tolist();
      step();
      expect(await layer.bias!.tolist()).toEqual(before);
      expect(await layer.weight.tolist()).not.toEqual(weight);
      layer.bias!.requiresGrad_();
      step();
      expect(await layer.bias!.tolist()).not.toEqual(before);
      expect(optimizer.stateDict().state.map((one) => one.step)).toEqual([2, 1]);
      optimizer.dispose();
    },
  );
});

it('refuses groups that do not fit', () => {
  const [a, b] = [tensor([1], { requiresGrad: true }), tensor([2], { requiresGrad: true })];
  const optimizer = new Adam([a], { lr: 0.1 });
  const refused: [Parameters<typeof optimizer.addParamGroup>[0], string][] = [
    [{ params: [] }, 'optimizer: expected parameters, got none'],
    [{ params: [a] }, 'occurs twice'],
    [{ params: [b, b] }, 'occurs twice'],
    [{ params: [b.mul(2)] }, 'expected parameters, which are float32 and no results of operations'],
    [{ params: [tensor([1], { dtype: 'int32' })] }, 'dtype=int32'],
    [{ params: [3 as never] }, 'got 3'],
    [{ params: [b], lr: -1 }, '`lr`: expected a number ≥ 0, got -1'],
    [{ params: [b], amsgrad: true }, '`amsgrad` applies to the whole optimizer'],
  ];
  for (const [group, message] of refused)
    expect(() => optimizer.addParamGroup(group)).toThrow(message);
  expect(optimizer.paramGroups).toHaveLength(1);
  optimizer.addParamGroup({ params: [b] });
  expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual([0.1, 0.1]);
});
