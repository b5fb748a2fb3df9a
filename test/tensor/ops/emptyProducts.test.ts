import { afterAll, describe, expect, it } from 'vitest';
import { linear, matmul, ones, type Tensor, zeros } from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';

const devices = await allDevices();
afterAll(() => {
  for (const [, device] of devices) device?.destroy();
});

/** Shapes of operands, and of their product in PyTorch. */
const products: [a: number[], b: number[], y: number[]][] = [
  [
    [0, 3],
    [3, 2],
    [0, 2],
  ],
  [
    [2, 3],
    [3, 0],
    [2, 0],
  ],
  [
    [2, 0],
    [0, 3],
    [2, 3],
  ],
  [
    [0, 1],
    [2, 1, 7],
    [2, 0, 7],
  ],
  [
    [2, 0, 5],
    [2, 5, 3],
    [2, 0, 3],
  ],
  [
    [0, 2, 5],
    [5, 3],
    [0, 2, 3],
  ],
  [
    [1, 1, 0],
    [0, 4],
    [1, 1, 4],
  ],
  [
    [2, 3, 4, 1],
    [1, 0],
    [2, 3, 4, 0],
  ],
  [
    [3, 0, 2, 4],
    [1, 4, 5],
    [3, 0, 2, 5],
  ],
];

describe.each(devices)('products without elements on %s', (_, device) => {
  it.skipIf(!device).each(products)('%j × %j is %j, with gradients', async (a, b, shape) => {
    const [x, y] = [a, b].map((size) => ones(size, { device: device!, requiresGrad: true }));
    const product = matmul(x, y);
    expect(product.shape).toEqual(shape);
    expect(await product.sum().item()).toBe(0);
    product.sum().backward();
    for (const operand of [x, y]) expect(operand.grad!.shape).toEqual(operand.shape);
  });

  it.skipIf(!device)('a layer without inputs gives its bias', async () => {
    const options = { device: device!, requiresGrad: true };
    const bias: Tensor = ones([4], options);
    const y = linear(zeros([2, 3, 0], options), zeros([4, 0], options), bias);
    expect(y.shape).toEqual([2, 3, 4]);
    expect(await y.sum().item()).toBe(24);
    y.sum().backward();
    expect(await bias.grad!.tolist()).toEqual([6, 6, 6, 6]);
  });

  it.skipIf(!device)('a layer without outputs gives none', () => {
    const options = { device: device!, requiresGrad: true };
    const none = linear(zeros([2, 3, 5], options), zeros([0, 5], options), ones([0], options));
    expect(none.shape).toEqual([2, 3, 0]);
    none.sum().backward();
  });
});
