import { afterAll, describe, expect, it } from 'vitest';
import { nn } from '../../../src/index.ts';
import {
  crossEntropy,
  linear,
  linearCrossEntropy,
  nllLoss,
  type Tensor,
  tensor,
} from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { allDevices } from '../../support/devices.ts';
import { expectClose, expectGradients, randomValues } from '../../support/finiteDifferences.ts';

const devices = await allDevices();
afterAll(() => devices[1][1]?.destroy());

interface Plain {
  weight?: number[];
  ignoreIndex?: number;
  labelSmoothing?: number;
}

/** PyTorch's definition in plain loops, for rows of logits: each row's loss, and its weight. */
function plainRows(logits: number[][], labels: number[], options: Plain) {
  const { weight, ignoreIndex = -100, labelSmoothing: s = 0 } = options;
  return logits.map((row, i) => {
    if (labels[i] === ignoreIndex) return { loss: 0, weight: 0 };
    const max = Math.max(...row);
    const norm = max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
    const w = (c: number) => weight?.[c] ?? 1;
    const smooth = row.reduce((sum, x, c) => sum + w(c) * (norm - x), 0) / row.length;
    const own = w(labels[i]) * (norm - row[labels[i]]);
    return { loss: (1 - s) * own + s * smooth, weight: w(labels[i]) };
  });
}

/** logits [n, c, d] and labels [n, d] as rows. */
function toRows({ data, shape: [n, c, d] }: { data: Float32Array; shape: number[] }) {
  return Array.from({ length: n * d }, (_, r) =>
    Array.from({ length: c }, (_, k) => data[(Math.floor(r / d) * c + k) * d + (r % d)]),
  );
}

describe.each(devices)('cross-entropy on %s', (_, device) => {
  const here = it.skipIf(!device);
  const host = (values: number[], shape?: number[]) =>
    tensor(Float32Array.from(values), { device, ...(shape && { shape }) });
  const ids = (values: number[], shape: number[]) =>
    tensor(Int32Array.from(values), { device, shape });

  here('of a linear layer, without a reduction, is the loss of each row', async () => {
    const make = (shape: number[], seed: number) => {
      const { data } = randomValues(shape, seed);
      return tensor(data, { shape, device, requiresGrad: true });
    };
    const [x, weight, bias] = [make([4, 3], 1), make([5, 3], 2), make([5], 3)];
    const labels = ids([4, -100, 0, 2], [4]);
    const each = linearCrossEntropy(x, weight, bias, labels, { reduction: 'none' });
    const expected = crossEntropy(linear(x, weight, bias), labels, { reduction: 'none' });
    await expectClose(each, Array.from(await expected.data()), [4]);
    const shares = host([1, 7, -2, 0.5]);
    const gradients = [];
    for (const losses of [each, expected]) {
      losses.mul(shares).sum().backward();
      gradients.push(await Promise.all([x, weight, bias].map(({ grad }) => grad!.data())));
      for (const parameter of [x, weight, bias]) parameter.grad = null;
    }
    for (const [i, gradient] of gradients[0].entries())
      for (const [k, value] of gradient.entries()) expect(value).toBeCloseTo(gradients[1][i][k], 5);
  });

  here.each<[string, Plain]>([
    ['plain', {}],
    ['weights', { weight: [0.5, 2, 0, 1] }],
    ['weights and an ignored label', { weight: [0.5, 2, 0.1, 1], ignoreIndex: 1 }],
    ['smoothing', { labelSmoothing: 0.2 }],
    ['all of them', { weight: [0.5, 2, 0.3, 1], ignoreIndex: 3, labelSmoothing: 0.3 }],
  ])('of [n, c, d] equals PyTorch’s definition: %s', async (_, options) => {
    const values = randomValues([3, 4, 5], 3);
    const random = new Philox(5);
    const labels = Array.from({ length: 15 }, () => random.randint(4));
    const rows = plainRows(toRows(values), labels, options);
    const total = rows.reduce((sum, { loss }) => sum + loss, 0);
    const given = {
      ...options,
      weight: options.weight ? host(options.weight) : null,
    };
    const logits = host([...values.data], [3, 4, 5]);
    const targets = ids(labels, [3, 5]);
    const each = crossEntropy(logits, targets, { ...given, reduction: 'none' });
    await expectClose(
      each,
      rows.map(({ loss }) => loss),
      [3, 5],
    );
    await expectClose(crossEntropy(logits, targets, { ...given, reduction: 'sum' }), [total], []);
    const mean = total / rows.reduce((sum, { weight }) => sum + weight, 0);
    await expectClose(crossEntropy(logits, targets, given), [mean], []);
    await expectClose(new nn.CrossEntropyLoss(given).forward(logits, targets), [mean], []);
    if (options.labelSmoothing) return;
    await expectClose(nllLoss(logits.logSoftmax(1), targets, given), [mean], []);
    await expectClose(new nn.NLLLoss(given).forward(logits.logSoftmax(1), targets), [mean], []);
  });

  here('takes probabilities, [n, c] and [n, c, d]', async () => {
    const logits = host([1, 2, 3, 0, -1, 4], [2, 3]);
    const soft = host([0.1, 0.2, 0.7, 1, 0, 0], [2, 3]);
    const logProbs = (await logits.logSoftmax(1).data()) as Float32Array;
    const rows = [0, 1].map((r) =>
      [0.1, 0.2, 0.7, 1, 0, 0]
        .slice(3 * r, 3 * r + 3)
        .reduce((sum, t, c) => sum - t * logProbs[3 * r + c] * (c + 1), 0),
    );
    const options = { weight: host([1, 2, 3]), reduction: 'none' } as const;
    await expectClose(crossEntropy(logits, soft, options), rows, [2]);
    await expectClose(crossEntropy(logits, soft, { weight: options.weight }), [
      (rows[0] + rows[1]) / 2,
    ]);
    // Labels as probabilities of 0 and 1, with smoothing.
    const x = host([...randomValues([2, 3, 2], 9).data], [2, 3, 2]);
    const oneHot = host([1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0], [2, 3, 2]);
    const expected = crossEntropy(x, ids([0, 2, 1, 0], [2, 2]), { labelSmoothing: 0.1 });
    await expectClose(crossEntropy(x, oneHot, { labelSmoothing: 0.1 }), await expected.data());
  });

  here('takes one row without a dimension of rows', async () => {
    const logits = host([1, 2, 3]);
    const expected = -1 + Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3));
    await expectClose(crossEntropy(logits, ids([0], [])), [expected], []);
  });

  here('has the gradients of finite differences', async () => {
    const weight = host([0.5, 2, 1]);
    const labels = ids([0, 2, -100, 1], [2, 2]);
    const inputs = [randomValues([2, 3, 2], 1)];
    await expectGradients(device!, inputs, (x) => crossEntropy(x, labels, { weight }));
    await expectGradients(device!, inputs, (x) =>
      crossEntropy(x, labels, { weight, labelSmoothing: 0.4, reduction: 'none' }),
    );
    await expectGradients(device!, inputs, (x) => nllLoss(x.logSoftmax(1), labels, { weight }));
    await expectGradients(device!, [randomValues([2, 3], 2), randomValues([2, 3], 3)], (x, y) =>
      crossEntropy(x, y.softmax(1), { weight, labelSmoothing: 0.1 }),
    );
  });

  here('of no rows is a sum of 0, and NaN as a mean', async () => {
    const [logits, labels] = [host([], [0, 3]), ids([], [0])];
    expect(await crossEntropy(logits, labels, { reduction: 'sum' }).item()).toBe(0);
    expect(await crossEntropy(logits, labels).item()).toBeNaN();
  });

  here.each<[string, (logits: Tensor) => Tensor, string]>([
    ['labels of another shape', (x) => crossEntropy(x, ids([0], [1])), 'got [2, 3] and [1]'],
    ['float labels', (x) => crossEntropy(x, host([0, 1])), 'expected int32 labels, got float32'],
    ['a label too large', (x) => nllLoss(x, ids([0, 3], [2])), 'label 3 is out of range'],
    [
      'weights of another size',
      (x) => crossEntropy(x, ids([0, 1], [2]), { weight: host([1, 2]) }),
      'expected a weight for each class, shape [3], got [2]',
    ],
    [
      'a smoothing above 1',
      (x) => crossEntropy(x, ids([0, 1], [2]), { labelSmoothing: 2 }),
      '`labelSmoothing`: expected a number from 0 to 1, got 2',
    ],
    [
      'an ignored label for probabilities',
      (x) => crossEntropy(x, x.softmax(1), { ignoreIndex: 1 }),
      'got probabilities',
    ],
  ])('refuses %s', (_, call, message) => {
    expect(() => call(host([1, 2, 3, 4, 5, 6], [2, 3]))).toThrow(message);
  });
});
