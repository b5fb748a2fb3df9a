import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { nn } from '../../src/index.ts';
import { setDevice, tensor } from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';
import { expectClose, expectGradients, randomValues } from '../support/finiteDifferences.ts';

const devices = await allDevices();
afterAll(() => {
  setDevice(new CpuDevice());
  devices[1][1]?.destroy();
});

const shape = [3, 4, 5];
const values = randomValues(shape, 1, 2);
const average = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
const channelOf = (i: number) => Math.floor(i / 5) % 4;

/** Normalises elements that have the same key together. */
function plainNorm(key: (i: number) => unknown, eps = 1e-5) {
  const data = [...values.data];
  const groups = new Map<unknown, number[]>();
  for (const [i, x] of data.entries()) groups.set(key(i), [...(groups.get(key(i)) ?? []), x]);
  return data.map((x, i) => {
    const group = groups.get(key(i))!;
    const mean = average(group);
    return (x - mean) / Math.sqrt(average(group.map((v) => (v - mean) ** 2)) + eps);
  });
}

describe.each(devices)('norms on %s', (_, device) => {
  const here = it.skipIf(!device);
  beforeEach(() => {
    if (device) setDevice(device);
  });
  const x = () => tensor(values.data, { shape });

  here('RMSNorm divides by the root of the mean square', async () => {
    const layer = new nn.RMSNorm(5, { eps: 0.1 });
    layer.weight.copy_([1, 2, 3, 4, 5]);
    const expected = Array.from(values.data, (v, i) => {
      const row = [...values.data].slice(i - (i % 5), i - (i % 5) + 5);
      return (v / Math.sqrt(average(row.map((u) => u * u)) + 0.1)) * ((i % 5) + 1);
    });
    await expectClose(layer.forward(x()), expected, shape);
    expect(new nn.RMSNorm(5).eps).toBe(2 ** -23);
    await expectGradients(device!, [values], (t) => layer.forward(t));
    expect(() => layer.forward(x().transpose(1, 2))).toThrow('of last size 5, got [3, 5, 4]');
  });

  here('GroupNorm normalises groups of channels', async () => {
    const layer = new nn.GroupNorm(2, 4);
    layer.weight!.copy_([1, 2, 3, 4]);
    layer.bias!.copy_([0, 1, 0, 1]);
    const plain = plainNorm((i) => Math.floor(i / 10));
    const expected = plain.map((v, i) => v * (channelOf(i) + 1) + (channelOf(i) % 2));
    await expectClose(layer.forward(x()), expected, shape);
    await expectClose(new nn.GroupNorm(2, 4, { affine: false }).forward(x()), plain);
    await expectGradients(device!, [values], (t) => layer.forward(t));
    expect(() => new nn.GroupNorm(3, 4)).toThrow('a divisor of 4, got 3');
    expect(() => layer.forward(x().transpose(0, 1))).toThrow('[batch, 4, …]');
  });

  here('BatchNorm normalises channels and follows their statistics', async () => {
    const layer = new nn.BatchNorm1d(4);
    expect([...layer.stateDict().keys()]).toEqual([
      ...['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'],
    ]);
    expect(layer.parameters()).toHaveLength(2);
    const expected = plainNorm(channelOf);
    await expectClose(layer.forward(x()), expected, shape);
    await expectGradients(device!, [values], (t) => new nn.BatchNorm1d(4).forward(t));
    const channels = [0, 1, 2, 3].map((c) => [...values.data].filter((_, i) => channelOf(i) === c));
    const means = channels.map(average);
    const vars = channels.map((list, c) =>
      list.reduce((sum, v) => sum + (v - means[c]) ** 2 / (list.length - 1), 0),
    );
    await expectClose(
      layer.runningMean!,
      means.map((m) => 0.1 * m),
    );
    await expectClose(
      layer.runningVar!,
      vars.map((v) => 0.9 + 0.1 * v),
    );
    expect(await layer.numBatchesTracked!.item()).toBe(1);
    layer.eval();
    const evaluated = [...values.data].map((v, i) => {
      const c = channelOf(i);
      return (v - 0.1 * means[c]) / Math.sqrt(0.9 + 0.1 * vars[c] + 1e-5);
    });
    await expectClose(layer.forward(x()), evaluated, shape);
    // A plain mean of all batches.
    const cumulative = new nn.BatchNorm2d(4, { momentum: null });
    cumulative.forward(x().unsqueeze(3));
    cumulative.forward(x().mul(3).unsqueeze(3));
    await expectClose(
      cumulative.runningMean!,
      means.map((m) => 2 * m),
    );
    const free = new nn.BatchNorm1d(4, { trackRunningStats: false, affine: false });
    expect([...free.stateDict().keys()]).toEqual([]);
    await expectClose(free.eval().forward(x()), expected);
  });

  here('BatchNorm refuses one value for a channel, and other shapes', () => {
    const layer = new nn.BatchNorm1d(4);
    expect(() => layer.forward(tensor([[1, 2, 3, 4]]))).toThrow('more than one value');
    expect(layer.eval().forward(tensor([[1, 2, 3, 4]])).shape).toEqual([1, 4]);
    expect(() => new nn.BatchNorm2d(4).forward(x())).toThrow('of 4 dimensions');
  });
});
