import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { type Kernel, kernelText } from '../../src/device/kernel.ts';
import type { Traits } from '../../src/device/traits.ts';
import {
  candidates,
  linear,
  type MatmulConstants,
  matmul,
} from '../../src/kernels/matmul/index.ts';
import { denseMatmul, type MatmulParams } from '../../src/kernels/matmul/shape.ts';
import { fillBuffers, runKernel } from '../../src/measure/fixtures.ts';
import { Philox } from '../../src/tensor/random.ts';
import { tryWebGpu } from '../support/devices.ts';
import { withoutSubgroupMatrices } from '../support/subgroupMatrices.ts';

const cpu = new CpuDevice();
const native = await tryWebGpu();
const portable = await tryWebGpu({ subgroupSize: 0, software: false });
const fast = await tryWebGpu({}, 'high');
const matrices = { m: 8, n: 8, k: 8, subgroupSize: 8 };
const standIn =
  native?.traits.subgroupSize === 8 ? await tryWebGpu({ subgroupMatrix: matrices }) : undefined;

afterAll(() => {
  for (const device of [native, portable, fast, standIn]) device?.destroy();
});

let chosen: MatmulConstants;
const forced = (kernel: typeof matmul) =>
  ({ ...kernel, candidates: () => [chosen] }) as unknown as Kernel;
const product = forced(matmul);
const gelu = forced(linear.gelu);

/** Every variant worth timing; a product without epilogue also in the tiles that are not. */
function variantsFor(kernel: Kernel, p: MatmulParams, traits: Traits): MatmulConstants[] {
  const found = candidates(p, traits);
  const tiled = found.find(({ variant }) => variant === 'tiled');
  if (!tiled || kernel !== product) return found;
  return [
    ...found.filter(({ variant }) => variant !== 'tiled'),
    ...[128, 64, 32].map((tile) => ({ ...tiled, tile })),
  ];
}

/**
 * Largest error of any output in any variant, relative to that output's largest magnitude, and
 * where it is.
 */
async function worstError(
  device: Device,
  kernel: Kernel,
  p: MatmulParams,
  variants = variantsFor(kernel, p, device.traits),
): Promise<[number, string]> {
  const random = new Philox(p.m, p.k);
  const data = fillBuffers(kernel, p as never, random);
  const expected = await runKernel(cpu, kernel, data, p as never);
  let worst: [number, string] = [0, 'none'];
  for (chosen of variants) {
    const actual = await runKernel(device, kernel, data, p as never);
    for (const [output, values] of Object.entries(expected)) {
      const scale = Array.from(values).reduce(
        (most, value) => Math.max(most, Math.abs(value)),
        1e-6,
      );
      for (let i = 0; i < values.length; i++) {
        const distance = Math.abs(values[i] - actual[output][i]) / scale;
        const error = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
        if (error > worst[0]) worst = [error, `${output}[${i}] of ${JSON.stringify(chosen)}`];
      }
    }
  }
  return worst;
}

const size = fc.oneof(fc.constantFrom(1, 3, 8), fc.integer({ min: 9, max: 140 }));
const gap = fc.integer({ min: 0, max: 2 });

/**
 * Operands of one layout, with gaps between rows and matrices and in front; some of whole vec4s
 * throughout.
 */
const shapes = (layout: string) =>
  fc
    .record({
      sizes: fc.tuple(size, size, size),
      whole: fc.boolean(),
      batch: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
      repeatsB: fc.boolean(),
      gaps: fc.tuple(gap, gap, gap, gap, gap, gap, gap),
    })
    .map(({ sizes, whole, batch, repeatsB, gaps }): MatmulParams => {
      const apart = layout === 'strided' ? 2 : 1;
      const unit = whole && apart === 1 ? 4 : 1;
      const [m, n, k] = sizes.map((one) => Math.ceil(one / unit) * unit);
      const [aGap, bGap, yGap, aApart, bApart, yApart, start] = gaps.map((one) => one * unit);
      const [aLines, aLine] = layout === 'TN' ? [k, m * apart + aGap] : [m, k * apart + aGap];
      const [bLines, bLine] = layout === 'NT' ? [n, k * apart + bGap] : [k, n * apart + bGap];
      const [aRow, aCol] = layout === 'TN' ? [apart, aLine] : [aLine, apart];
      const [bRow, bCol] = layout === 'NT' ? [apart, bLine] : [bLine, apart];
      const [batch0, batch1] = batch;
      const [a1, y1] = [aLine * aLines + aApart, (n + yGap) * m + yApart];
      const b1 = repeatsB ? 0 : bLine * bLines + bApart;
      const a = { aRow, aCol, a0: a1 * batch1, a1, aOffset: start };
      const b = { bRow, bCol, b0: b1 * batch1, b1, bOffset: start };
      return {
        m,
        n,
        k,
        batch0,
        batch1,
        ...a,
        ...b,
        yRow: n + yGap,
        y0: y1 * batch1,
        y1,
        yOffset: start,
      };
    });

const usual = {
  'scores of attention': denseMatmul('NT', 40, 64, 40, 6),
  'mixed values of attention': denseMatmul('NN', 40, 40, 64, 6),
  'gradient of a weight': denseMatmul('TN', 96, 200, 128),
  'a layer on few rows': denseMatmul('NT', 3, 768, 64),
  'a gradient through it': denseMatmul('NN', 3, 768, 64),
  'a classifier': denseMatmul('NT', 32, 768, 2),
  'the gradient of its weight': denseMatmul('TN', 2, 32, 768),
  'a long dot product': denseMatmul('NN', 1, 10_000, 1),
};

describe.each([
  ['this adapter', native],
  ['an adapter with workgroup memory', portable],
] as const)('on %s every variant of matmul', (_, device) => {
  it.skipIf(!device).each(Object.entries(usual))('computes %s', async (_, p) => {
    const [error, where] = await worstError(device!, product, p);
    expect(error, where).toBeLessThanOrEqual(1e-5);
  });

  it.skipIf(!device).each(['NN', 'NT', 'TN', 'strided'])(
    'computes any %s shape, batch, stride and offset',
    async (layout) => {
      await fc.assert(
        fc.asyncProperty(shapes(layout), async (p) => {
          const [error, where] = await worstError(device!, product, p);
          expect(error, where).toBeLessThanOrEqual(1e-5);
        }),
        { numRuns: 60, seed: 20, endOnFailure: true },
      );
    },
  );

  it.skipIf(!device).each([
    [33, 40, 36],
    [33, 41, 37],
    [5, 100, 12],
    [19, 100, 3],
  ])('adds a bias, applies GELU and keeps its argument (%i × %i × %i)', async (m, k, n) => {
    const [error, where] = await worstError(device!, gelu, denseMatmul('NT', m, k, n));
    expect(error, where).toBeLessThanOrEqual(1e-5);
  });
});

describe('matmul on tensor cores', () => {
  const layouts = ['NN', 'NT', 'TN'] as const;
  const constantsOf = (layout: string, width: number, tile: number) => ({
    variant: 'subgroupMatrix',
    width,
    layout,
    tile,
  });

  it.skipIf(!native)('is WGSL that Dawn accepts, for several shapes of matrices', async () => {
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    // Dawn's adapter for tests offers every feature and runs nothing.
    const gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
    const adapter = await gpu.requestAdapter();
    const features = [
      'subgroups',
      'shader-f16',
      'chromium-experimental-subgroup-matrix',
    ] as GPUFeatureName[];
    const device = await adapter!.requestDevice({ requiredFeatures: features });
    for (const [m, n, k, subgroupSize] of [
      [16, 16, 16, 32],
      [16, 8, 8, 32],
      [8, 16, 16, 16],
    ]) {
      for (const constants of layouts.flatMap((layout) =>
        [1, 4].flatMap((width) => [64, 128].map((tile) => constantsOf(layout, width, tile))),
      )) {
        const traits = { subgroupMatrix: { m, n, k, subgroupSize } } as Traits;
        const code = kernelText(linear.gelu as never, constants, traits);
        const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
        expect(messages.map(({ lineNum, message }) => `${lineNum}: ${message}`)).toEqual([]);
      }
    }
    device.destroy();
  });

  it.skipIf(!standIn).each([
    ['NN', 4, 72, 40, 72],
    ['TN', 4, 72, 41, 72],
    ['NT', 1, 71, 39, 73],
  ] as const)(
    'multiplies partial tiles where a stand-in does the matrices: %s, width %i',
    async (layout, width, m, k, n) => {
      const kernel = {
        ...product,
        wgsl: (constants: MatmulConstants, traits: Traits) =>
          withoutSubgroupMatrices(matmul.wgsl(constants, traits)),
      } as Kernel;
      const [error, where] = await worstError(standIn!, kernel, denseMatmul(layout, m, k, n), [
        constantsOf(layout, width, 64),
      ]);
      expect(error, where).toBeLessThanOrEqual(1e-3);
    },
  );

  it.skipIf(!fast?.traits.subgroupMatrix).each(Object.entries(usual))(
    'computes %s with operands in float16',
    async (_, p) => {
      const [error, where] = await worstError(fast!, product, p);
      expect(error, where).toBeLessThanOrEqual(1e-3);
    },
  );

  it('is chosen only where it was asked for', () => {
    const p = denseMatmul('NT', 512, 512, 512);
    const gpu = { ...cpu.traits, software: false, subgroupSize: 32, maxWorkgroupStorage: 49152 };
    const subgroupMatrix = { m: 16, n: 16, k: 16, subgroupSize: 32 };
    expect(candidates(p, gpu).map(({ variant }) => variant)).not.toContain('subgroupMatrix');
    expect(candidates(p, { ...gpu, subgroupMatrix })[0].variant).toBe('subgroupMatrix');
    expect(native?.traits.subgroupMatrix).toBeUndefined();
  });
});

describe('the best guess', () => {
  const gpu: Traits = { ...cpu.traits, software: false, subgroupSize: 32 };
  it.each([
    ['a wide layer', denseMatmul('NT', 4096, 768, 3072), gpu, { variant: 'tiled', tile: 128 }],
    ['a narrow layer', denseMatmul('NT', 4096, 3072, 768), gpu, { variant: 'tiled', tile: 64 }],
    [
      'the gradient of its weight',
      denseMatmul('TN', 768, 4096, 768),
      gpu,
      { variant: 'tiled', tile: 32 },
    ],
    [
      'many short matrices',
      denseMatmul('NT', 40, 64, 40, 384),
      gpu,
      { variant: 'tiled', tile: 64 },
    ],
    [
      'a long matrix of few rows',
      denseMatmul('NT', 20, 768, 30_000),
      gpu,
      { variant: 'tiled', tile: 32 },
    ],
    [
      'a pooler on one sequence',
      denseMatmul('NT', 1, 768, 768),
      gpu,
      { variant: 'vector', form: 'dot', rows: 1, columns: 4 },
    ],
    [
      'its gradient',
      denseMatmul('NN', 1, 768, 768),
      gpu,
      { variant: 'vector', form: 'sweep', rows: 1, columns: 64 },
    ],
    [
      'a classifier',
      denseMatmul('NT', 32, 768, 2),
      gpu,
      { variant: 'vector', form: 'dot', rows: 1, columns: 2 },
    ],
    ['next to nothing', denseMatmul('NN', 5, 7, 3), gpu, { variant: 'plain' }],
    [
      'a layer on a software adapter',
      denseMatmul('NT', 64, 768, 768),
      { ...cpu.traits, subgroupSize: 8 },
      { variant: 'broadcast' },
    ],
    [
      'odd sizes there',
      denseMatmul('NT', 63, 767, 767),
      { ...cpu.traits, subgroupSize: 8 },
      { variant: 'plain' },
    ],
  ])('for %s', (_, p, traits, expected) => {
    expect(candidates(p, traits)[0]).toMatchObject(expected);
  });
});
