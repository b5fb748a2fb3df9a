import { type BufferSpec, defineKernel } from '../../gpu/kernel.ts';
import type { Traits } from '../../gpu/traits.ts';
import { type BroadcastConstants, broadcastConstants, broadcastTile, broadcastWgsl, suitsBroadcast } from './broadcast.ts';
import { type Activation, activate, type Epilogue, keepsArgument } from './epilogue.ts';
import { PLAIN_TILE, plainWgsl } from './plain.ts';
import {
  aSize,
  bSize,
  denseMatmul,
  isVectorized,
  type Layout,
  layoutOf,
  type MatmulParams,
  matmulParams,
  tiles,
  ySize,
} from './shape.ts';
import { TILE, tiledWgsl } from './tiled.ts';

export type { Activation } from './epilogue.ts';
export { keepsArgument } from './epilogue.ts';
export type { MatmulParams } from './shape.ts';

interface MatmulConstants extends Record<string, string | number | boolean> {
  variant: 'broadcast' | 'tiled' | 'plain';
  layout: Layout;
  width: number;
}

/** Which variant suits the shape and the adapter. */
function specialize(p: MatmulParams, traits: Traits): MatmulConstants {
  const layout = layoutOf(p);
  if (suitsBroadcast(traits)) {
    if (!isVectorized(p, layout)) return { variant: 'plain', layout, width: 1 };
    return { variant: 'broadcast', width: 4, ...broadcastConstants(p, layout, traits) };
  }
  const small = p.m * p.n < TILE * PLAIN_TILE;
  return { variant: small ? 'plain' : 'tiled', layout, width: 1 };
}

function tileOf(constants: MatmulConstants): { tileM: number; tileN: number } {
  const { variant } = constants;
  if (variant === 'broadcast') return broadcastTile(constants as unknown as BroadcastConstants);
  const size = variant === 'tiled' ? TILE : PLAIN_TILE;
  return { tileM: size, tileN: size };
}

function defineMatmul(name: string, epilogue: Epilogue) {
  const { bias, activation } = epilogue;
  const output: BufferSpec<MatmulParams> = { type: 'V', access: 'write', size: ySize };
  return defineKernel({
    name,
    params: matmulParams,
    buffers: {
      a: { type: 'V', access: 'read', size: aSize },
      b: { type: 'V', access: 'read', size: bSize },
      ...(bias && {
        bias: {
          type: 'V',
          access: 'read',
          size: (p: MatmulParams) => p.n,
        } satisfies BufferSpec<MatmulParams>,
      }),
      ...(keepsArgument(activation) && { argument: output }),
      y: output,
    },
    specialize,
    launch: (p, constants) => {
      const { tileM, tileN } = tileOf(constants);
      return tiles(p, tileM, tileN);
    },
    wgsl: (constants, traits) => {
      const { variant, layout } = constants;
      if (variant === 'broadcast') return broadcastWgsl(constants as unknown as BroadcastConstants, epilogue, traits);
      return variant === 'tiled' ? tiledWgsl(layout, epilogue) : plainWgsl(epilogue);
    },
    reference({ a, b, bias, argument, y }, p) {
      const f = activate(activation);
      const row = new Float64Array(p.n);
      for (let i = 0; i < p.batch0 * p.batch1; i++) {
        const i0 = Math.floor(i / p.batch1);
        const i1 = i % p.batch1;
        for (let m = 0; m < p.m; m++) {
          const aAt = p.aOffset + i0 * p.a0 + i1 * p.a1 + m * p.aRow;
          row.fill(0);
          for (let k = 0; k < p.k; k++) {
            const bAt = p.bOffset + i0 * p.b0 + i1 * p.b1 + k * p.bRow;
            const factor = a[aAt + k * p.aCol];
            for (let n = 0; n < p.n; n++) row[n] += factor * b[bAt + n * p.bCol];
          }
          const yAt = i0 * p.y0 + i1 * p.y1 + m * p.yRow;
          for (let n = 0; n < p.n; n++) {
            const z = row[n] + (bias ? bias[n] : 0);
            if (argument) argument[yAt + n] = z;
            y[yAt + n] = f(z);
          }
        }
      }
    },
    flops: (p) => 2 * p.m * p.n * p.k * p.batch0 * p.batch1,
    tolerance: 1e-5,
    cases:
      activation === 'none' && !bias
        ? [
            denseMatmul('NN', 17, 33, 127),
            denseMatmul('NN', 37, 64, 36),
            denseMatmul('NT', 37, 64, 35),
            denseMatmul('TN', 36, 37, 68),
            denseMatmul('NT', 48, 64, 48, 6),
            denseMatmul('NN', 512, 512, 512),
            denseMatmul('NT', 512, 512, 512),
            denseMatmul('TN', 512, 512, 512),
          ]
        : [denseMatmul('NT', 37, 64, 35), denseMatmul('NT', 5, 7, 3), denseMatmul('NT', 512, 128, 512)],
  });
}

/** y = a b. */
export const matmul = defineMatmul('matmul', { bias: false, activation: 'none' });
/** y = activation(a b + bias); those of GELU keep its argument. */
export const linear: Record<Activation, ReturnType<typeof defineMatmul>> = {
  none: defineMatmul('linear', { bias: true, activation: 'none' }),
  gelu: defineMatmul('linearGelu', { bias: true, activation: 'gelu' }),
  geluTanh: defineMatmul('linearGeluTanh', { bias: true, activation: 'geluTanh' }),
  relu: defineMatmul('linearRelu', { bias: true, activation: 'relu' }),
  tanh: defineMatmul('linearTanh', { bias: true, activation: 'tanh' }),
};
