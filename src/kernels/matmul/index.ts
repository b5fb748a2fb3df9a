import { type BufferSpec, defineKernel } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import {
  type BroadcastConstants,
  broadcastConstants,
  broadcastTile,
  broadcastWgsl,
  suitsBroadcast,
} from './broadcast.ts';
import {
  type Activation,
  activationReference,
  type Epilogue,
  savesPreActivation,
} from './epilogue.ts';
import { plain } from './plain.ts';
import { multiplyReference } from './reference.ts';
import {
  aSize,
  bSize,
  denseMatmul,
  isLong,
  isVectorized,
  layoutOf,
  type MatmulParams,
  matmulParams,
  matmulSplitAxes,
  tileCount,
  ySize,
} from './shape.ts';
import { subgroupMatrix } from './subgroupMatrix.ts';
import { tiled } from './tiled.ts';
import type { MatmulConstants, Variant } from './variant.ts';
import { vector } from './vector.ts';
import { matmulWasm } from './wasm.ts';

export type { Activation } from './epilogue.ts';
export { savesPreActivation } from './epilogue.ts';
export type { MatmulParams } from './shape.ts';
export type { MatmulConstants } from './variant.ts';

/** The variant of broadcast.ts: for operands of whole vec4s. */
const broadcast: Variant<MatmulConstants & BroadcastConstants> = {
  name: 'broadcast',
  constants(p, traits) {
    const layout = layoutOf(p);
    if (!suitsBroadcast(traits) || !isVectorized(p, layout)) return [];
    return broadcastConstants(p, layout).map((constants) => ({
      variant: 'broadcast',
      width: 4,
      ...constants,
    }));
  },
  tile: broadcastTile,
  wgsl: broadcastWgsl,
};

/**
 * In order of preference: the first one that suits gives the best guess. Software adapters with
 * subgroups of 8 take `broadcast` if they can read vec4s, and else `plain`. On the others, and on
 * GPUs, few rows or columns go to `vector`, small products to `plain`; all others to tensor cores,
 * if the device was opened for them, and to `tiled`, which took a third of the time of `plain` on a
 * software adapter without subgroups.
 */
const variants: readonly Variant[] = [broadcast, vector, plain, subgroupMatrix, tiled];
const variantOf = ({ variant }: MatmulConstants): Variant =>
  variants.find(({ name }) => name === variant)!;

/**
 * The constants of the variants worth timing for these parameters on this adapter, best guess
 * first.
 */
export const candidates = (p: MatmulParams, traits: Traits): MatmulConstants[] =>
  variants.flatMap((variant) => variant.constants(p, traits));

/**
 * Products that share what tuning found: same layout and access, sizes up to the same powers of
 * two.
 */
function tuningClass(p: MatmulParams): string {
  const layout = layoutOf(p);
  const sizes = [p.m, p.n, p.k, p.batch0 * p.batch1].map((size) => 2 ** Math.ceil(Math.log2(size)));
  const access = `${isVectorized(p, layout) ? ' in vec4s' : ''}${isLong(p) ? ' in blocks' : ''}`;
  return `${layout}${access} ${sizes.join(' × ')}`;
}

const plainCases = [
  denseMatmul('NN', 17, 33, 127),
  denseMatmul('NN', 37, 64, 36),
  denseMatmul('NT', 37, 64, 35),
  denseMatmul('TN', 36, 37, 68),
  denseMatmul('NT', 48, 64, 48, 6),
  denseMatmul('NN', 512, 512, 512),
  denseMatmul('NT', 512, 512, 512),
  denseMatmul('TN', 512, 512, 512),
];
const epilogueCases = [
  denseMatmul('NT', 37, 64, 35),
  denseMatmul('NT', 5, 7, 3),
  denseMatmul('NT', 512, 128, 512),
];

function defineMatmul(name: string, epilogue: Epilogue) {
  const { bias, activation } = epilogue;
  const output: BufferSpec<MatmulParams, 'V'> = { type: 'V', access: 'write', size: ySize };
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
      ...(savesPreActivation(activation) && { preActivation: output }),
      y: output,
    },
    candidates,
    tuningClass,
    splitAxes: (p, alignment) => matmulSplitAxes(p, alignment, bias ? alignment : 4),
    launch: (p, constants, traits) => {
      const { tileM, tileN } = variantOf(constants).tile(constants, traits);
      return tileCount(p, tileM, tileN);
    },
    wgsl: (constants, traits) => variantOf(constants).wgsl(constants, epilogue, traits),
    wasm: (p) => matmulWasm(p, epilogue),
    reference: (arrays, p) => multiplyReference(arrays, p, activationReference(activation)),
    flops: (p) => 2 * p.m * p.n * p.k * p.batch0 * p.batch1,
    tolerance: 1e-5,
    cases: activation === 'none' && !bias ? plainCases : epilogueCases,
  });
}

/** y = a b. */
export const matmul = defineMatmul('matmul', { bias: false, activation: 'none' });
/** y = activation(a b + bias); the GELU kernels also store its argument. */
export const linear: Record<Activation, ReturnType<typeof defineMatmul>> = {
  none: defineMatmul('linear', { bias: true, activation: 'none' }),
  gelu: defineMatmul('linearGelu', { bias: true, activation: 'gelu' }),
  geluTanh: defineMatmul('linearGeluTanh', { bias: true, activation: 'geluTanh' }),
  relu: defineMatmul('linearRelu', { bias: true, activation: 'relu' }),
  tanh: defineMatmul('linearTanh', { bias: true, activation: 'tanh' }),
};
