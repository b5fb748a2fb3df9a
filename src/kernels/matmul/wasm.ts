import type { WasmLaunch } from '../../device/kernel.ts';
import type { Activation, Epilogue } from './epilogue.ts';
import type { MatmulParams } from './shape.ts';

/** Numbers of the activations: see assembly/epilogue.ts. */
const activations: readonly Activation[] = ['none', 'gelu', 'geluTanh', 'relu', 'tanh'];

/** Rows and columns of the micro-kernel (assembly/microKernel.ts). */
const [MICRO_ROWS, MICRO_COLS] = [6, 8];
/** Largest tile: its parts of both operands stay in a core's second cache. */
const [MAX_ROWS, MAX_COLS] = [96, 256];
/** Multiply-adds of a tile of small matrices: some 20 µs. */
const GROUP_WORK = 2 ** 18;

const roundUp = (n: number, step: number) => Math.ceil(n / step) * step;

/** The product as tiles of y, or of several matrices if these are small. */
export function matmulWasm(p: MatmulParams, { bias, activation }: Epilogue): WasmLaunch {
  const tileM = Math.min(MAX_ROWS, roundUp(p.m, MICRO_ROWS));
  const tileN = Math.min(MAX_COLS, roundUp(p.n, MICRO_COLS));
  const group = Math.max(1, Math.floor(GROUP_WORK / Math.max(1, p.m * p.n * p.k)));
  const matrices = Math.ceil((p.batch0 * p.batch1) / group);
  const tiles = matrices * Math.ceil(p.m / tileM) * Math.ceil(p.n / tileN);
  return {
    phases: [{ entry: 'product', tiles }],
    words: [Number(bias), activations.indexOf(activation), tileM, tileN, group],
  };
}
