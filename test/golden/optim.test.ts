import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { openDevice } from '../../src/device/open.ts';
import { parseSafetensors, toFloat32 } from '../../src/formats/safetensors/file.ts';
import {
  Adam,
  AdamW,
  clipGradNorm,
  getConstantScheduleWithWarmup,
  getCosineScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  SGD,
} from '../../src/nn/optim/index.ts';
import { gradBufferOf } from '../../src/tensor/gradBuffer.ts';
import { keep, tensor, zeros } from '../../src/tensor/index.ts';
import { tensorOver } from '../../src/tensor/launch.ts';
import { tryWebGpu } from '../support/devices.ts';
import { type GoldenSet, goldenCases, goldenSets } from '../support/golden.ts';

interface Options {
  lr: number;
  betas: [number, number];
  eps: number;
  weight_decay: number;
  amsgrad: boolean;
  momentum: number;
  dampening: number;
  nesterov: boolean;
}
interface Golden {
  optimizers: {
    id: string;
    optimizer: string;
    options: Options;
    params: number;
    steps: number;
    err: number;
  }[];
  clips: { id: string; max_norm: number; norm: number; params: number }[];
  schedules: { id: string; kind: string; warmup: number; total: number; factors: number[] }[];
}
const read = (set: GoldenSet): Golden => JSON.parse(set.text('ops/optim.json'));

const webgpu = await tryWebGpu();
const wasm = await openDevice('wasm', { threads: 2 });
afterAll(() => {
  webgpu?.destroy();
  wasm.destroy();
});

const worst = (actual: ArrayLike<number>, expected: Float32Array) =>
  expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i])), 0);
const indices = (n: number) => Array.from({ length: n }, (_, i) => i);

describe.each(
  goldenCases<Device | undefined>([
    ['cpu', new CpuDevice()],
    ['webgpu', webgpu],
    ['wasm', wasm],
  ]),
)('%s', (_, set, device) => {
  const golden = read(set);
  const { tensors } = parseSafetensors(readFileSync(set.path('ops/optim.safetensors')));
  const load = (name: string) => {
    const raw = tensors.get(name)!;
    return tensor(toFloat32(raw), { shape: raw.shape, device: device! });
  };

  it.skipIf(!device).each(golden.optimizers.map((c) => [c.id, c] as const))(
    "%s follows PyTorch's",
    async (id, c) => {
      const params = indices(c.params).map((i) => load(`${id}/start.${i}`).requiresGrad_());
      const { weight_decay: weightDecay, ...options } = c.options;
      const Kind = { Adam, AdamW, SGD }[c.optimizer as 'Adam' | 'AdamW' | 'SGD'];
      const optimizer = new Kind(params, { ...options, weightDecay });
      for (let t = 0; t < c.steps; t++) {
        const first = tensors.has(`${id}/grad0.0`) ? t : t + 1;
        params.forEach((param, i) => {
          // `backward` leaves gradients in the optimiser's buffer.
          const values = toFloat32(tensors.get(`${id}/grad${first}.${i}`)!);
          param.grad = keep(tensorOver(gradBufferOf(param)!, param.shape).copy_(values));
        });
        optimizer.step();
        for (const [i, param] of params.entries()) {
          const expected = toFloat32(tensors.get(`${id}/step${first}.${i}`)!);
          expect(
            worst(await param.data(), expected),
            `step ${t}, parameter ${i}`,
          ).toBeLessThanOrEqual(4 * c.err);
        }
        optimizer.zeroGrad();
      }
      optimizer.dispose();
      for (const param of params) param.dispose();
    },
  );

  it.skipIf(!device).each(golden.clips.map((c) => [c.id, c] as const))('%s', async (id, c) => {
    const params = indices(c.params).map((i) => {
      const grad = load(`${id}/grad.${i}`);
      const param = zeros(grad.shape, { device: device!, requiresGrad: true });
      param.grad = grad;
      return param;
    });
    const norm = await clipGradNorm(params, c.max_norm).item();
    expect(Math.abs(norm - c.norm) / c.norm).toBeLessThan(1e-6);
    for (const [i, { grad }] of params.entries()) {
      const expected = toFloat32(tensors.get(`${id}/clipped.${i}`)!);
      expect(worst(await grad!.data(), expected)).toBeLessThanOrEqual(
        1e-6 * Math.max(...expected.map(Math.abs)),
      );
    }
  });
});

const schedules = {
  linear: getLinearScheduleWithWarmup,
  constant: getConstantScheduleWithWarmup,
  cosine: getCosineScheduleWithWarmup,
};

it.each(goldenSets.flatMap((set) => read(set).schedules.map((c) => [c.id, set.name, c] as const)))(
  'schedule %s of the %s',
  (_, _set, c) => {
    const optimizer = { paramGroups: [{ lr: 1 }, { lr: 0.5 }] };
    const kind = c.kind.split(' ')[0] as keyof typeof schedules;
    const schedule = schedules[kind](optimizer, c.warmup, c.total);
    for (const factor of c.factors) {
      expect(optimizer.paramGroups[0].lr).toBeCloseTo(factor, 12);
      expect(schedule.getLastLr()[1]).toBeCloseTo(factor / 2, 12);
      schedule.step();
    }
  },
);
