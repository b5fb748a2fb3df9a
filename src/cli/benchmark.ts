import { benchKernels, type KernelTiming, kernelsNamed } from '../bench/kernels.ts';
import { benchStep, type StepName, type StepTiming } from '../bench/steps.ts';
import { CpuDevice } from '../device/cpu.ts';
import type { Device } from '../device/device.ts';
import type { DeviceKind, DeviceOptions } from '../device/open.ts';
import { layoutOf, type MatmulParams } from '../kernels/matmul/shape.ts';
import { measurePeaks } from '../measure/peaks.ts';
import { UsageError } from '../platform/errors.ts';
import { importKernelModule } from './kernelModule.ts';
import { openCliDevice } from './openDevice.ts';
import { type Column, number, tableRow } from './table.ts';

interface BenchOptions {
  /** A module whose kernels are timed instead of the package's. */
  module?: string;
  steps?: readonly StepName[];
  vocabSize?: number;
  device: DeviceKind | 'auto';
  precision?: DeviceOptions['precision'];
  json?: boolean;
}

/** Times the kernels whose name contains `filter`, then training steps, and prints each. */
export async function runBench(filter: string, options: BenchOptions): Promise<void> {
  const { json = false } = options;
  const own = options.module ? await importKernelModule(options.module) : undefined;
  const kernels = kernelsNamed(filter, own);
  if (kernels.length === 0)
    throw new UsageError(
      `no kernel has ${JSON.stringify(filter)} in its name; without a filter, all are timed`,
    );
  const device = await openCliDevice(options.device, json, options.precision);
  const cpu = device.kind === 'cpu' ? undefined : new CpuDevice();
  const peaks = await measurePeaks(device);
  const print = (row: object, line: () => string) =>
    console.log(json ? JSON.stringify(row) : line());
  print(
    { device: device.kind, adapter: device.description, peaks },
    () =>
      `peaks: ${number(peaks.flops / 1e9)} GFLOP/s by multiply-adds, ` +
      `${number(peaks.bytesPerSecond / 1e9)} GB/s by a copy`,
  );
  if (!json) printTitles(kernelColumns, kernelWidths);
  const onCase = (timing: KernelTiming) =>
    print(timing, () => tableRow(kernelColumns, kernelWidths, kernelRow(timing)));
  await benchKernels(device, cpu, peaks, kernels, onCase);
  const steps = options.steps ?? (filter || own ? [] : defaultSteps(device));
  if (steps.length > 0 && !json) printTitles(stepColumns, stepWidths);
  for (const step of steps) {
    const timing = await benchStep(step, device, cpu, peaks, options.vocabSize);
    print(timing, () => tableRow(stepColumns, stepWidths, stepRow(timing)));
  }
}

/** What the device does in about a minute. */
function defaultSteps({ kind, traits }: Device): StepName[] {
  if (kind === 'cpu') return ['tiny'];
  return traits.software ? ['tiny', 'mini'] : ['tiny', 'mini', 'base'];
}

function printTitles(columns: readonly Column[], widths: readonly number[]): void {
  const titles = columns.map((column) => (typeof column === 'string' ? column : column.title));
  console.log(`\n${tableRow(columns, widths, titles)}`);
}

const right = (title: string): Column => ({ title, right: true });

const kernelColumns = [
  'kernel',
  ...['ms', 'GFLOP/s', 'GB/s', '% of peak'].map(right),
  '',
  right('cpu ms'),
  right('cpu : here'),
];
const kernelWidths = [46, 9, 8, 8, 9, 12, 8, 10];

function kernelRow(timing: KernelTiming): string[] {
  const { kernel, milliseconds, gflops, gbPerSecond, share, bound, cpuMilliseconds } = timing;
  return [
    `${kernel} ${caseText(timing.case)}`,
    ...[milliseconds, gflops, gbPerSecond].map(number),
    (share * 100).toFixed(0),
    bound,
    number(cpuMilliseconds),
    times(cpuMilliseconds, milliseconds),
  ];
}

const stepColumns = [
  'training step',
  'batch',
  ...[
    'ms',
    'tokens/s',
    'GFLOP/s',
    '% of peak',
    'launches',
    'µs js each',
    'cpu ms',
    'cpu : here',
  ].map(right),
];
const stepWidths = [38, 8, 7, 8, 8, 9, 8, 10, 7, 10];

function stepRow(timing: StepTiming): string[] {
  const { step, layers, hidden, vocabulary, batch, length, milliseconds, share, cpuMilliseconds } =
    timing;
  return [
    `${step}: BERT ${layers} × ${hidden}, vocabulary ${vocabulary.toLocaleString('en')}`,
    `${batch} × ${length}`,
    ...[
      milliseconds,
      timing.tokensPerSecond,
      timing.gflops,
      share && share * 100,
      timing.launches,
    ].map(number),
    number(timing.microsecondsPerLaunch),
    number(cpuMilliseconds),
    times(cpuMilliseconds, milliseconds),
  ];
}

const times = (cpu: number | null, here: number): string =>
  cpu === null ? '–' : `${number(cpu / here)} ×`;

/** The sizes of a case, and the layout of matrices. */
function caseText(params: Record<string, unknown>): string {
  const sizes = Object.entries(params).filter(
    ([name, value]) =>
      typeof value === 'number' &&
      /^(m|n|k|rows|cols|count|vocab|outer|inner|blocks|batch0|lanes|rounds)$/.test(name),
  );
  const layout = 'aCol' in params ? [layoutOf(params as MatmulParams)] : [];
  return [...layout, ...sizes.map(([name, value]) => `${name}=${value}`)].join(' ');
}
