import type { DeviceTiming } from '../bench/devices.ts';
import { smallStep } from '../bench/steps.ts';
import { type Column, number, table } from './table.ts';

const columns: Column[] = [
  'device',
  'adapter',
  { title: 'GFLOP/s', right: true },
  { title: 'GB/s', right: true },
  { title: 'step, ms', right: true },
];

/** The devices of a machine beside each other, and what the columns are. */
export function deviceTable(timings: readonly DeviceTiming[]): string {
  const rows = timings.map(({ device, adapter, peaks, stepMilliseconds }) => [
    device,
    adapter,
    ...[peaks.flops / 1e9, peaks.bytesPerSecond / 1e9, stepMilliseconds].map(number),
  ]);
  const { layers, hidden, batch, length } = smallStep;
  return (
    `${table(columns, rows)}\n` +
    'measured peaks of multiply-adds and of a copy, and a training step of BERT ' +
    `${layers} × ${hidden} on ${batch} texts of ${length} tokens`
  );
}
