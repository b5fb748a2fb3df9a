import type { Kernel } from '../device/kernel.ts';
import * as attentions from './attention/index.ts';
import * as crossEntropies from './crossEntropy.ts';
import * as elementwise from './elementwise/arithmetic.ts';
import { dropout } from './elementwise/dropout.ts';
import * as gelus from './elementwise/gelu.ts';
import * as embeddings from './indexing/embedding.ts';
import * as gathers from './indexing/gather.ts';
import { linear, matmul } from './matmul/index.ts';
import * as copies from './memory.ts';
import * as fusedNorms from './normalization/dropoutAddLayerNorm.ts';
import * as layerNorms from './normalization/layerNorm.ts';
import * as softmaxes from './normalization/softmax.ts';
import { adam, adamAmsgrad, sgd } from './optimizers.ts';
import { multiplyAdd } from './peaks.ts';
import { clipByNorm, sumSquares } from './reduction/gradientNorm.ts';
import * as reductions from './reduction/reduce.ts';

const isKernel = (value: unknown): value is Kernel =>
  typeof value === 'object' && value !== null && 'wgsl' in value;

/** Every kernel there is: tests, benchmarks and `info` walk this list. */
export const allKernels: Kernel[] = [
  matmul,
  ...Object.values(linear),
  dropout,
  adam,
  adamAmsgrad,
  sgd,
  sumSquares,
  clipByNorm,
  multiplyAdd,
  ...[
    attentions,
    softmaxes,
    layerNorms,
    fusedNorms,
    gelus,
    crossEntropies,
    embeddings,
    gathers,
    reductions,
    copies,
    elementwise,
  ].flatMap((family) => Object.values(family).filter(isKernel)),
] as unknown as Kernel[];
