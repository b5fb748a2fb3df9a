import { describe, expect, it } from 'vitest';
import * as w from '../../../src/index.ts';

describe('triangles', () => {
  it('have PyTorch’s places, by rows', async () => {
    expect(await w.trilIndices(3, 2).tolist()).toEqual([
      [0, 1, 1, 2, 2],
      [0, 0, 1, 0, 1],
    ]);
    expect(await w.trilIndices(2, 3, -1).tolist()).toEqual([[1], [0]]);
    expect(await w.triuIndices(2, 3, 1).tolist()).toEqual([
      [0, 0, 1],
      [1, 2, 2],
    ]);
    expect(w.triuIndices(2, 2, 5).shape).toEqual([2, 0]);
    expect(w.trilIndices(2, 2).dtype).toBe('int32');
    expect(() => w.trilIndices(1.5, 2)).toThrow('trilIndices: expected whole numbers');
    expect(() => w.triuIndices(-1, 2)).toThrow('triuIndices: expected sizes ≥ 0');
  });
});

describe('gumbelSoftmax', () => {
  it('draws classes as often as their probabilities say', async () => {
    w.manualSeed(2);
    const logits = w.tensor([0.1, 0.3, 0.6]).log().expand([2000, 3]);
    const drawn = w.gumbelSoftmax(logits, { hard: true });
    expect(await drawn.sum(1).sub(1).abs().max().item()).toBeLessThan(1e-6);
    const shares = await drawn.mean(0).data();
    [0.1, 0.3, 0.6].forEach((p, i) => {
      expect(Math.abs(shares[i] - p)).toBeLessThan(0.04);
    });
  });

  it('has the gradient of the soft sample', async () => {
    const logits = w.tensor([[0.2, -0.4, 1]]);
    const gradients = [false, true].map((hard) => {
      w.manualSeed(7);
      const x = logits.clone().requiresGrad_();
      w.gumbelSoftmax(x, { tau: 0.7, hard })
        .mul(w.tensor([1, 2, 3]))
        .sum()
        .backward();
      return x.grad!;
    });
    expect(await w.allclose(gradients[0], gradients[1])).toBe(true);
    expect(() => w.gumbelSoftmax(logits, { tau: 0 })).toThrow('`tau`: expected a number > 0');
  });
});

describe('options of images', () => {
  const x = w.ones(1, 2, 3, 4);
  it.each<[string, () => unknown, string]>([
    ['a size and a factor', () => w.interpolate(x, { size: 2, scaleFactor: 2 }), 'either `size`'],
    ['no size', () => w.interpolate(x, {}), 'either `size` or `scaleFactor`'],
    ['a size of 0', () => w.interpolate(x, { size: 0 }), '`size`: expected 2 whole numbers > 0'],
    ['another rank', () => w.interpolate(x, { size: 2, mode: 'linear' }), 'length] for linear'],
    ['no mode', () => w.interpolate(x, { size: 2, mode: 'area' as never }), '`mode`: expected'],
    ['far reflections', () => w.pad(x, [4, 0], 'reflect'), 'widths of at most 3 for'],
    ['no mode of padding', () => w.pad(x, [1, 0], 'mirror' as never), 'expected a value, or'],
    ['wide windows', () => w.im2col(x, 5), 'windows that fit into the padded image'],
    ['other windows', () => w.fold(w.ones(1, 8, 7), 4, 2), '[batch, channels · 4, 9]'],
    ['shuffles', () => w.pixelShuffle(x, 2), 'a multiple of 4 channels'],
    [
      'much output padding',
      () => w.convTranspose2d(x, w.ones(2, 3, 2, 2), null, { outputPadding: 1 }),
      '`outputPadding`: expected fewer than',
    ],
    ['other channels', () => w.convTranspose2d(x, w.ones(3, 3, 2, 2)), 'expected a weight [2,'],
  ])('refuse %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('ctcLoss', () => {
  const logProbs = w.ones(4, 2, 3).logSoftmax(2);
  const ids = (...values: number[]) => w.tensor(values, { dtype: 'int32' });
  it.each<[string, () => unknown, string]>([
    ['one length', () => w.ctcLoss(logProbs, ids(1, 2), [4], [1]), '2 lengths each'],
    ['long inputs', () => w.ctcLoss(logProbs, ids(1, 2), [4, 5], [1, 1]), 'from 1 to 4'],
    ['other targets', () => w.ctcLoss(logProbs, ids(1), [4, 4], [1, 1]), 'targets [2, 1 or more]'],
    ['floats', () => w.ctcLoss(logProbs, w.ones(2), [4, 4], [1, 1]), 'targets of int32'],
    [
      'no blank',
      () => w.ctcLoss(logProbs, ids(1, 2), [4, 4], [1, 1], { blank: 3 }),
      '`blank` from 0 to 2',
    ],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  it('of a sequence without a batch is that of a batch of one', async () => {
    const x = w
      .tensor([
        [0.1, 0.7],
        [0.5, -0.2],
        [1, 0],
      ])
      .logSoftmax(1);
    const one = w.ctcLoss(x, ids(1), 3, 1, { reduction: 'none' });
    const batch = w.ctcLoss(x.unsqueeze(1), ids(1), [3], [1]);
    expect(one.shape).toEqual([]);
    expect(await one.item()).toBeCloseTo(await batch.item(), 6);
  });
});
