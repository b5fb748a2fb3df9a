import { afterAll, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  w.setDevice(new CpuDevice());
  webgpu?.destroy();
});

it.skipIf(!webgpu)('a captured step draws, sorts and scatters as an eager one', async () => {
  w.setDevice(webgpu!);
  const compute = ({ x }: { x: w.Tensor }) => {
    const drawn = w.multinomial(x.softmax(-1), 2);
    const counted = x.scatterAdd(1, drawn, w.onesLike(drawn, { dtype: 'float32' }));
    const rows = counted.index([w.randint(4, [3])]);
    const order = x.topk(2).values.add(x.sort(0).indices.toFloat().max());
    return w.cat([rows.flatten(), order.flatten(), w.einsum('ij,kj->ik', x, counted).flatten()]);
  };
  const batches = [0, 1, 2].map((k) =>
    Float32Array.from({ length: 20 }, (_, i) => (i * 7 + k) % 5),
  );
  w.manualSeed(4);
  const eager: w.TensorData[] = [];
  for (const data of batches)
    eager.push(await compute({ x: w.tensor(data, { shape: [4, 5] }) }).data());
  w.manualSeed(4);
  const step = w.capture(webgpu!, compute);
  for (const [k, data] of batches.entries())
    expect(await step.run({ x: { data, shape: [4, 5] } })).toEqual(eager[k]);
});
