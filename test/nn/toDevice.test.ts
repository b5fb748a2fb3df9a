import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { BertForSequenceClassification } from '../../src/entries/bert.ts';
import { BatchNorm1d, Linear, LSTM, Sequential } from '../../src/nn/index.ts';
import { SGD } from '../../src/nn/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { config, texts } from '../bert/heads/fixtures.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
const other = new CpuDevice();
const targets = [
  ['another cpu device', other],
  ['webgpu', webgpu],
] as const;

describe.each(targets)('to %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each(['float32', 'int32', 'bool', 'float16'] as const)('a %s tensor', async (dtype) => {
    const x = tensor([
      [1, 0, 1],
      [0, 1, 1],
    ])
      .to(dtype)
      .transpose(0, 1); // a view
    const moved = await x.toDevice(device!);
    expect([moved.device, moved.shape, moved.dtype]).toEqual([device, [3, 2], dtype]);
    expect(await moved.tolist()).toEqual(await x.tolist());
    expect(await moved.toDevice(device!)).toBe(moved);
    const back = await moved.cpu();
    expect(back.device.kind).toBe('cpu');
    expect(await back.tolist()).toEqual(await x.tolist());
  });

  here('modules with parameters, gradients and buffers, which train on', async () => {
    const net = new Sequential(new Linear(3, 2), new BatchNorm1d(2));
    const [weight] = net.parameters();
    const old = new SGD(net.parameters(), { lr: 0.1 });
    const forward = (on: Device) =>
      net.forward(
        tensor(
          [
            [1, 2, 3],
            [4, 5, 7],
            [0, 1, 0],
          ],
          { device: on },
        ),
      ) as Tensor;
    forward(weight.device).square().sum().backward();
    old.step();
    const state = async () => Promise.all([...net.stateDict().values()].map((one) => one.tolist()));
    const before = [await state(), await weight.grad!.tolist()];
    expect(await net.toDevice(device!)).toBe(net);
    expect([...net.stateDict().values()].every((one) => one.device === device)).toBe(true);
    expect([await state(), await weight.grad!.tolist()]).toEqual(before);
    expect(() => old.step()).toThrow();
    const optimizer = new SGD(net.parameters(), { lr: 0.1 });
    optimizer.zeroGrad();
    forward(device!).square().sum().backward();
    optimizer.step();
    expect(await weight.tolist()).not.toEqual((before[0] as unknown[])[0]);
  });

  here('a BERT and an LSTM give the same there', async () => {
    const { inputIds, attentionMask } = texts(2, 5, 3);
    const model = BertForSequenceClassification.fromConfig(config).eval();
    const run = () => model.forward({ inputIds, attentionMask }).logits.data();
    const before = await run();
    await model.toDevice(device!);
    for (const [i, value] of (await run()).entries()) expect(value).toBeCloseTo(before[i], 4);
    const lstm = new LSTM(3, 2);
    const x = tensor([
      [
        [1, 2, 3],
        [0, 1, 0],
      ],
    ]);
    const [first] = lstm.forward(x);
    const expected = await first.data();
    await lstm.toDevice(device!);
    const [there] = lstm.forward(await x.toDevice(device!));
    for (const [i, value] of (await there.data()).entries())
      expect(value).toBeCloseTo(expected[i], 4);
  });
});

it('says where devices are named', async () => {
  const x = tensor([1]);
  for (const device of ['cpu', 'webgpu', other])
    expect(() => x.to(device as never)).toThrow('to another device is `await x.toDevice(device)`');
  expect(() => x.to('int64' as never)).toThrow(/^to: expected .*, got "int64"$/);
  await expect(x.toDevice('cpu' as never)).rejects.toThrow(
    'toDevice: expected a device, from openDevice or useDevice, got "cpu"',
  );
});
