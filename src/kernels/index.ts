import type { Kernel } from '../gpu/kernel.ts';
import * as attentions from './attention/index.ts';
import * as copies from './copy.ts';
import * as crossEntropies from './crossEntropy.ts';
import { dropout } from './dropout.ts';
import * as fusedNorms from './dropoutAddLayerNorm.ts';
import * as elementwise from './elementwise.ts';
import * as embeddings from './embedding.ts';
import * as gathers from './gather.ts';
import * as gelus from './gelu.ts';
import * as layerNorms from './layerNorm.ts';
import { linear, matmul } from './matmul/index.ts';
import { clipByNorm, sumSquares } from './norm.ts';
import { adam, adamAmsgrad, sgd } from './optimizers.ts';
import { multiplyAdd } from './peaks.ts';
import * as reductions from './reduce.ts';
import * as softmaxes from './softmax.ts';

const isKernel = (value: unknown): value is Kernel => typeof value === 'object' && value !== null && 'wgsl' in value;

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
