import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { toFloat32, toInt32 } from '../../src/formats/safetensors/dtypes.ts';
import { parseSafetensors } from '../../src/formats/safetensors/file.ts';
import { backward, scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { tryWebGpu } from '../support/devices.ts';
import { goldenPath, hasGolden } from '../support/golden.ts';
import { goldenGraphs, goldenOps } from '../support/goldenOps.ts';

interface Case {
  id: string;
  op: string;
  call: string;
  attrs: Record<string, never>;
  inputs: { name: string; tensor: string; dtype: string; shape: number[]; grad?: string }[];
  outputs: { tensor: string; dtype: string; shape: number[]; upstream?: string }[];
  err: Record<string, number>;
}

const cases: Case[] = hasGolden
  ? JSON.parse(readFileSync(goldenPath('ops/ops.json'), 'utf8')).cases
  : [];
const { tensors } = hasGolden
  ? parseSafetensors(readFileSync(goldenPath('ops/ops.safetensors')))
  : { tensors: new Map() };
const numbers = (name: string, dtype: string) => {
  const raw = tensors.get(name);
  return dtype === 'float32'
    ? toFloat32(raw)
    : Int32Array.from(raw.dtype === 'BOOL' || raw.dtype === 'U8' ? raw.data : toInt32(raw));
};

const webgpu = await tryWebGpu();
const portable = await tryWebGpu({ subgroupSize: 0, software: false });
afterAll(() => {
  webgpu?.destroy();
  portable?.destroy();
});

/** A few times PyTorch's own float32 error, with a floor of 1e-6 of the tensor's magnitude. */
function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  err: number,
  what: string,
): void {
  expect(actual.length, what).toBe(expected.length);
  let magnitude = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    magnitude = Math.max(magnitude, Math.abs(expected[i]));
    const error = Object.is(actual[i], expected[i]) ? 0 : Math.abs(actual[i] - expected[i]);
    if (!(error <= worst)) worst = error;
  }
  expect(worst, what).toBeLessThanOrEqual(Math.max(4 * err, 2e-6 * Math.max(1e-3, magnitude)));
}

describe.skipIf(!hasGolden).each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
  ['webgpu without fixed subgroups', portable],
] as const)("PyTorch's operations on %s", (_, device) => {
  it.skipIf(!device).each(cases.map((c) => [c.id, c] as const))('%s', async (_, c) => {
    const inputs: Record<string, Tensor> = {};
    for (const { name, tensor: key, dtype, shape, grad } of c.inputs) {
      inputs[name] = tensor(numbers(key, dtype), {
        shape,
        device: device!,
        requiresGrad: grad !== undefined,
      });
    }
    const outputs = scope(() => {
      const made =
        c.op === 'graph' ? goldenGraphs[c.call](inputs) : goldenOps[c.op](inputs, c.attrs, c.call);
      const list = Array.isArray(made) ? made : [made];
      c.outputs.forEach(({ upstream, shape }, i) => {
        if (upstream)
          backward(list[i], tensor(numbers(upstream, 'float32'), { shape, device: device! }), true);
      });
      return list;
    });
    for (const [i, { tensor: key, dtype, shape }] of c.outputs.entries()) {
      expect(outputs[i].shape).toEqual(shape);
      expectClose(
        await outputs[i].data(),
        numbers(key, dtype),
        c.err[`out${i}`] ?? 0,
        `output ${i}`,
      );
    }
    for (const { name, grad } of c.inputs) {
      if (!grad) expect(inputs[name].grad, name).toBeNull();
      else
        expectClose(
          await inputs[name].grad!.data(),
          numbers(grad, 'float32'),
          c.err[`grad/${name}`] ?? 0,
          `gradient of ${name}`,
        );
    }
    for (const t of [...outputs, ...Object.values(inputs)]) {
      t.grad?.dispose();
      t.dispose();
    }
  });
});

it.skipIf(!webgpu)('leaves no memory behind', () => {
  expect(webgpu!.memory().buffers).toBe(0);
});
