import { readFileSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { openDevice } from '../../src/device/open.ts';
import { toFloat32, toInt32 } from '../../src/formats/safetensors/dtypes.ts';
import { parseSafetensors } from '../../src/formats/safetensors/file.ts';
import { backward, scope, setDevice, type Tensor, tensor } from '../../src/tensor/index.ts';
import { tryWebGpu } from '../support/devices.ts';
import { type GoldenSet, goldenCases, ownSet } from '../support/golden.ts';
import { type GoldenRun, goldenGraphs, goldenOps, runGolden } from '../support/goldenOps.ts';

interface Case {
  id: string;
  op: string;
  call: string;
  attrs: { run?: GoldenRun };
  inputs: { name: string; tensor: string; dtype: string; shape: number[]; grad?: string }[];
  outputs: { tensor: string; dtype: string; shape: number[]; upstream?: string }[];
  err: Record<string, number>;
}

/** The cases of a set, and its tensors. */
function read(set: GoldenSet) {
  const { cases } = JSON.parse(set.text('ops/ops.json')) as { cases: Case[] };
  const { tensors } = parseSafetensors(readFileSync(set.path('ops/ops.safetensors')));
  const numbers = (name: string, dtype: string) => {
    const raw = tensors.get(name)!;
    return dtype === 'float32'
      ? toFloat32(raw)
      : Int32Array.from(raw.dtype === 'BOOL' || raw.dtype === 'U8' ? raw.data : toInt32(raw));
  };
  return { cases, numbers };
}

/** Runs a case, and its gradients for the given upstream ones. */
function compute(
  { op, call, attrs, outputs }: Case,
  inputs: Record<string, Tensor>,
  upstreams: (Tensor | undefined)[],
): Tensor[] | Promise<Tensor[]> {
  const made = attrs.run
    ? runGolden(attrs.run, inputs)
    : op === 'graph'
      ? goldenGraphs[call](inputs)
      : goldenOps[op](inputs, attrs as Record<string, never>, call);
  if (made instanceof Promise) return made;
  const list = Array.isArray(made) ? made : [made];
  outputs.forEach((_, i) => {
    if (upstreams[i]) backward(list[i], upstreams[i], true);
  });
  return list;
}

/**
 * Operations whose result's shape depends on data: a scope cannot wait for them, so what they use
 * on the way is freed when it is collected.
 */
const ASYNC = ['maskedSelect', 'nonzero'];
let uncollected = 0;

const webgpu = await tryWebGpu();
const wasm = await openDevice('wasm', { threads: 2 });
const portable = await tryWebGpu({ subgroupSize: 0, software: false });
afterAll(() => {
  webgpu?.destroy();
  wasm.destroy();
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

const cpu = new CpuDevice();
const devices: [string, Device | undefined][] = [
  ['cpu', cpu],
  ['webgpu', webgpu],
  ['wasm', wasm],
];
// The larger set, where it is, also checks the kernels for adapters without fixed subgroups.
const others = goldenCases<Device | undefined>([['webgpu without fixed subgroups', portable]]);

describe.each([...goldenCases(devices), ...others.filter(([, set]) => set !== ownSet)])(
  "PyTorch's operations: %s",
  (_, set, device) => {
    const { cases, numbers } = read(set);
    afterEach(() => setDevice(cpu));

    it.skipIf(!device).each(cases.map((c) => [c.id, c] as const))('%s', async (_, c) => {
      setDevice(device!);
      const before = device!.memory().buffers;
      const inputs: Record<string, Tensor> = {};
      for (const { name, tensor: key, dtype, shape, grad } of c.inputs)
        inputs[name] = tensor(numbers(key, dtype), { shape, requiresGrad: grad !== undefined });
      const upstreams = c.outputs.map(({ upstream, shape }) =>
        upstream ? tensor(numbers(upstream, 'float32'), { shape }) : undefined,
      );
      const outputs = ASYNC.includes(c.op)
        ? await compute(c, inputs, upstreams)
        : scope(() => compute(c, inputs, upstreams) as Tensor[]);
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
      for (const t of [...outputs, ...upstreams, ...Object.values(inputs)]) {
        t?.grad?.dispose();
        t?.dispose();
      }
      if (device === webgpu && ASYNC.includes(c.op))
        uncollected += device!.memory().buffers - before;
    });
  },
);

it.skipIf(!webgpu)('leaves no memory behind', () => {
  expect(webgpu!.memory().buffers).toBeLessThanOrEqual(uncollected);
});
