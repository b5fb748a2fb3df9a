import { afterAll, describe, expect, it } from 'vitest';
import { nn } from '../../../src/index.ts';
import * as w from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';
import { expectClose, expectGradients, randomValues } from '../../support/finiteDifferences.ts';

const devices = await allDevices();
afterAll(() => devices[1][1]?.destroy());

const shape = [3, 4];
const x = randomValues(shape, 1, 2);
const y = randomValues(shape, 2, 2);
const unit = (values: Float32Array) => values.map((v) => 1 / (1 + Math.exp(-v)));
const softplus = (v: number) => Math.log1p(Math.exp(v));

/** Each loss: the function, its module, the inputs, and its definition for one element. */
const losses: {
  name: string;
  call: (x: w.Tensor, y: w.Tensor, reduction: w.Reduction) => w.Tensor;
  module: (reduction: w.Reduction) => { forward(x: w.Tensor, y: w.Tensor): w.Tensor };
  inputs: [Float32Array, Float32Array];
  plain: (x: number, y: number) => number;
}[] = [
  {
    name: 'mseLoss',
    call: w.mseLoss,
    module: (reduction) => new nn.MSELoss({ reduction }),
    inputs: [x.data, y.data],
    plain: (a, b) => (a - b) ** 2,
  },
  {
    name: 'l1Loss',
    call: w.l1Loss,
    module: (reduction) => new nn.L1Loss({ reduction }),
    inputs: [x.data, y.data],
    plain: (a, b) => Math.abs(a - b),
  },
  {
    name: 'smoothL1Loss',
    call: (a, b, reduction) => w.smoothL1Loss(a, b, { reduction, beta: 2 }),
    module: (reduction) => new nn.SmoothL1Loss({ reduction, beta: 2 }),
    inputs: [x.data, y.data],
    plain: (a, b) => (Math.abs(a - b) < 2 ? (0.5 * (a - b) ** 2) / 2 : Math.abs(a - b) - 0.5 * 2),
  },
  {
    name: 'huberLoss',
    call: (a, b, reduction) => w.huberLoss(a, b, { reduction, delta: 1.5 }),
    module: (reduction) => new nn.HuberLoss({ reduction, delta: 1.5 }),
    inputs: [x.data, y.data],
    plain: (a, b) => (Math.abs(a - b) < 1.5 ? 0.5 * (a - b) ** 2 : 1.5 * (Math.abs(a - b) - 0.75)),
  },
  {
    name: 'klDiv',
    call: (a, b, reduction) => w.klDiv(a, b, { reduction }),
    module: (reduction) => new nn.KLDivLoss({ reduction }),
    inputs: [x.data, unit(y.data)],
    plain: (a, b) => b * (Math.log(b) - a),
  },
  {
    name: 'binaryCrossEntropy',
    call: (a, b, reduction) => w.binaryCrossEntropy(a, b, { reduction }),
    module: (reduction) => new nn.BCELoss({ reduction }),
    inputs: [unit(x.data.map((v) => v / 4)), unit(y.data)],
    plain: (a, b) => -(b * Math.log(a) + (1 - b) * Math.log(1 - a)),
  },
  {
    name: 'binaryCrossEntropyWithLogits',
    call: w.binaryCrossEntropyWithLogits,
    module: (reduction) => new nn.BCEWithLogitsLoss({ reduction }),
    inputs: [x.data, unit(y.data)],
    plain: (a, b) => b * softplus(-a) + (1 - b) * softplus(a),
  },
];

describe.each(devices)('losses of elements on %s', (_, device) => {
  const here = it.skipIf(!device);
  const host = (data: ArrayLike<number>, of: number[] = shape) =>
    w.tensor(Float32Array.from(data), { shape: of, device });

  here.each(losses)('$name equals its definition', async ({ call, module, inputs, plain }) => {
    const [a, b] = inputs.map((data) => host(data));
    const each = Array.from(inputs[0], (v, i) => plain(v, inputs[1][i]));
    const total = each.reduce((sum, v) => sum + v, 0);
    const expected = { none: each, sum: [total], mean: [total / each.length] };
    for (const reduction of ['none', 'sum', 'mean'] as const) {
      const of = reduction === 'none' ? shape : [];
      await expectClose(call(a, b, reduction), expected[reduction], of);
      await expectClose(module(reduction).forward(a, b), expected[reduction], of);
    }
    const both = inputs.map((data) => ({ data, shape }));
    await expectGradients(device!, both, (t, target) => call(t, target, 'none'));
  });

  here.each(losses)('$name of a scalar, and of nothing', async ({ call, inputs, plain }) => {
    const [a, b] = inputs.map((data) => host([data[1]], []));
    await expectClose(call(a, b, 'mean'), [plain(inputs[0][1], inputs[1][1])], []);
    const none = call(host([], [0, 3]), host([], [0, 3]), 'none');
    expect([none.size, ...none.shape]).toEqual([0, 0, 3]);
    expect(await call(host([], [0]), host([], [0]), 'sum').item()).toBe(0);
  });

  here.each(losses.slice(2))('$name refuses targets of another shape', ({ name, call }) => {
    expect(() => call(host(x.data), host([1, 2, 3, 4], [4]), 'mean')).toThrow(
      `${name}: expected targets of shape [3, 4], got [4]`,
    );
  });

  here('weights of positive targets, and of elements', async () => {
    const [logits, targets] = [host(x.data), host(unit(y.data))];
    const posWeight = host([3, 1, 0.5, 2], [4]);
    const weight = host([1, 0, 2], [3, 1]);
    const plain = Array.from(x.data, (a, i) => {
      const b = unit(y.data)[i];
      const q = [3, 1, 0.5, 2][i % 4];
      return [1, 0, 2][Math.floor(i / 4)] * (q * b * softplus(-a) + (1 - b) * softplus(a));
    });
    const options = { posWeight, weight, reduction: 'none' } as const;
    await expectClose(w.binaryCrossEntropyWithLogits(logits, targets, options), plain, shape);
    await expectClose(
      new nn.BCEWithLogitsLoss({ posWeight, weight }).forward(logits, targets),
      [plain.reduce((a, b) => a + b) / 12],
      [],
    );
  });

  here('klDiv takes log-targets, targets of 0 and batchmean', async () => {
    const logQ = host([-1, -2, -3, -4], [2, 2]);
    const target = host([0, 1, 0.25, 0.75], [2, 2]);
    const plain = 2 + 0.25 * (Math.log(0.25) + 3) + 0.75 * (Math.log(0.75) + 4);
    await expectClose(w.klDiv(logQ, target, { reduction: 'sum' }), [plain]);
    await expectClose(w.klDiv(logQ, target, { reduction: 'batchmean' }), [plain / 2]);
    await expectClose(w.klDiv(logQ, target.add(1).log(), { logTarget: true, reduction: 'none' }), [
      ...[0, 1, 0.25, 0.75].map((p, i) => (p + 1) * (Math.log(p + 1) + i + 1)),
    ]);
  });

  here('binaryCrossEntropy is finite for probabilities of 0 and 1', async () => {
    const p = host([0, 1, 0, 1], [4]).requiresGrad_();
    const loss = w.binaryCrossEntropy(p, host([0, 1, 1, 0], [4]), { reduction: 'none' });
    await expectClose(loss, [0, 0, 100, 100]);
    loss.sum().backward();
    expect([...(await p.grad!.data())].every(Number.isFinite)).toBe(true);
  });

  here('smoothL1Loss without a beta is l1Loss; bounds are checked', async () => {
    const [a, b] = [host(x.data), host(y.data)];
    await expectClose(w.smoothL1Loss(a, b, { beta: 0 }), await w.l1Loss(a, b).data());
    expect(() => w.smoothL1Loss(a, b, { beta: -1 })).toThrow('`beta`: expected a number ≥ 0');
    expect(() => w.huberLoss(a, b, { delta: 0 })).toThrow('`delta`: expected a number > 0');
  });

  here('gaussianNllLoss takes a variance for each element or each row', async () => {
    const square = [host([1, 2, 3, 4], [2, 2]), host([0, 0, 1, 1], [2, 2])] as const;
    const loss = (of: number[], v = [1, 4]) =>
      w.gaussianNllLoss(...square, host(v, of), { reduction: 'none' });
    const plain = [1, 4, 4, 9].map((d, i) => (Math.log([1, 1, 4, 4][i]) + d / [1, 1, 4, 4][i]) / 2);
    await expectClose(loss([2]), plain);
    await expectClose(loss([2, 1]), plain);
    await expectClose(loss([2, 2], [1, 1, 4, 4]), plain);
    for (const [of, v] of [[[1, 2]], [[], [1]], [[1], [1]], [[1, 1], [1]]])
      expect(() => loss(of, v)).toThrow(
        'gaussianNllLoss: `variance`: expected the shape [2, 2], [2, 1] or [2], got',
      );
    const one = w.gaussianNllLoss(host([1], []), host([3], []), host([4], []));
    await expectClose(one, [(Math.log(4) + 1) / 2], []);
  });
});
