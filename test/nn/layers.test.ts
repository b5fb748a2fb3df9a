import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import {
  Embedding,
  EmbeddingBag,
  GELU,
  Linear,
  ReLU,
  Sequential,
  Tanh,
} from '../../src/nn/index.ts';
import {
  backward,
  embedding,
  embeddingBag,
  gelu,
  manualSeed,
  randn,
  setDevice,
  tanh,
  tensor,
  zeros,
} from '../../src/tensor/index.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

const devices: [string, Device | undefined][] = [
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
];

describe.each(devices)('layers on %s', (_, device) => {
  const here = it.skipIf(!device);

  here('Linear without a bias is the product, with its activation', async () => {
    setDevice(device!);
    manualSeed(1);
    const layer = new Linear(5, 3, { bias: false });
    const x = randn([4, 5]);
    const product = x.matmul(layer.weight.transpose(0, 1));
    expect(layer.bias).toBe(null);
    expect([...layer.stateDict().keys()]).toEqual(['weight']);
    expect(await layer.forward(x).data()).toEqual(await product.data());
    const [activated, expected] = [layer.forward(x, 'gelu'), gelu(product)];
    const values = await activated.data();
    for (const [i, value] of (await expected.data()).entries())
      expect(values[i]).toBeCloseTo(value, 6);
    backward(activated.sum());
    expect(layer.weight.grad!.shape).toEqual([3, 5]);
  });

  here('Embedding takes its padding row as an option, as PyTorch does', async () => {
    setDevice(device!);
    for (const layer of [new Embedding(4, 3, { paddingIdx: 2 }), new Embedding(4, 3, 2)]) {
      expect(layer.paddingIdx).toBe(2);
      const rows = (await layer.weight.tolist()) as number[][];
      expect(rows.map((row) => row.every((x) => x === 0))).toEqual([false, false, true, false]);
    }
    expect(new Embedding(4, 3).paddingIdx).toBe(-1);
    for (const paddingIdx of [-2, 4, 1.5]) {
      const message = `row from 0 to 3, or -1 for none, got ${paddingIdx}`;
      expect(() => new Embedding(4, 3, paddingIdx)).toThrow(message);
      expect(() => new EmbeddingBag(4, 3, { paddingIdx })).toThrow(message);
      const ids = tensor([[0, 1]], { dtype: 'int32' });
      expect(() => embedding(ids, zeros(4, 3), paddingIdx)).toThrow(message);
      expect(() => embeddingBag(ids, zeros(4, 3), { paddingIdx })).toThrow(message);
    }
    expect(new Embedding(4, 3, {}).paddingIdx).toBe(-1);
  });

  here('Sequential runs its layers in order and names them by position', async () => {
    setDevice(device!);
    manualSeed(2);
    const [first, last] = [new Linear(4, 6), new Linear(6, 2)];
    const model = new Sequential(first, new Tanh(), last);
    expect([...model.stateDict().keys()]).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    const x = randn([3, 4]);
    expect(await model.forward(x).data()).toEqual(
      await last.forward(tanh(first.forward(x))).data(),
    );
    model.eval();
    expect(last.training).toBe(false);
  });

  here('activations are those of the functions', async () => {
    setDevice(device!);
    const x = randn([7]);
    expect(await new ReLU().forward(x).data()).toEqual(await x.relu().data());
    expect(await new GELU().forward(x).data()).toEqual(await gelu(x).data());
    expect(await new Tanh().forward(x).data()).toEqual(await x.tanh().data());
  });
});
