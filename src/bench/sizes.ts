import type { Kernel } from '../device/kernel.ts';
import { denseMatmul } from '../kernels/matmul/shape.ts';
import { flatParams } from '../measure/peaks.ts';

/** Sizes that are quoted elsewhere, so that figures can be compared; too large for tests. */
const extraCases: Record<string, object[]> = {
  matmul: [denseMatmul('NN', 1024, 1024, 1024), denseMatmul('NN', 1248, 768, 3072)],
  softmax: [{ rows: 49152, cols: 128 }],
  gelu: [flatParams(4096 * 3072)],
};
/** Those that take a GPU. */
const largeCases: Record<string, object[]> = {
  matmul: [denseMatmul('NN', 4096, 4096, 4096)],
};

/** What is benchmarked of a kernel beside its cases. */
export const extraCasesOf = (kernel: string, software: boolean): Kernel['cases'] =>
  [
    ...(extraCases[kernel] ?? []),
    ...(software ? [] : (largeCases[kernel] ?? [])),
  ] as Kernel['cases'];
