import { defaultDevice } from 'wigbert';
import { benchStep, type KernelTiming, measurePeaks, timeKernels } from 'wigbert/bench';
import { deviceInfo, useDeviceOf } from './device.ts';
import type { BenchResult, BenchRow } from './protocol.ts';

/** Those that a training step spends most of its time in. */
const kernels = [
  ...[
    'matmul',
    'attention',
    'attentionKeyValueGradient',
    'layerNorm',
    'dropoutAddLayerNorm',
    'softmax',
  ],
  ...['gelu', 'crossEntropy'],
];

/** Parameters of kernels that are lengths of axes. */
const sizeNames = [
  ...['m', 'n', 'k', 'rows', 'cols', 'count', 'vocab', 'batch', 'heads', 'length', 'size'],
  ...['queries', 'keys'],
];

/** Times kernels and a training step on the chosen device; `onRow` hears of each. */
export async function bench(onRow: (row: BenchRow) => void): Promise<BenchResult> {
  await useDeviceOf();
  const device = defaultDevice();
  const peaks = await measurePeaks(device);
  const rows: BenchRow[] = [];
  const add = (row: BenchRow) => {
    rows.push(row);
    onRow(row);
  };
  await timeKernels(device, peaks, kernels, (timing) => add(rowOf(timing)));
  const step = await benchStep('tiny', device, undefined, peaks);
  const { layers, hidden, batch, length, milliseconds, share, gflops } = step;
  add({
    name: 'step',
    what: `BERT ${layers} × ${hidden}, ${batch} × ${length}`,
    ...{ milliseconds, share, gflops },
  });
  return { device: deviceInfo(), userAgent: navigator.userAgent, peaks, rows };
}

const rowOf = ({ kernel, case: sizes, milliseconds, share, gflops }: KernelTiming): BenchRow => ({
  name: kernel,
  what: Object.entries(sizes)
    .filter(([key]) => sizeNames.includes(key))
    .map(([, size]) => size)
    .join(' × '),
  ...{ milliseconds, share, gflops },
});
