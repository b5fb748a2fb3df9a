import { Command, InvalidArgumentError } from 'commander';
import type { KernelTiming } from '../../bench/kernels.ts';
import type { StepTiming } from '../../bench/steps.ts';
import { CpuDevice } from '../../device/cpu.ts';
import { layoutOf, type MatmulParams } from '../../kernels/matmul/shape.ts';
import { measurePeaks } from '../../measure/peaks.ts';
import { UsageError } from '../../platform/errors.ts';
import {
  deviceOption,
  jsonOption,
  openCliDevice,
  positiveInteger,
  precisionOption,
} from '../options.ts';
import { type Column, number, tableRow } from '../table.ts';

const stepNames = ['tiny', 'mini', 'base'] as const;

function parseSteps(text: string): StepTiming['step'][] {
  const names = text === 'none' ? [] : text.split(',');
  const known = stepNames.filter((name) => names.includes(name));
  if (known.length < names.length)
    throw new InvalidArgumentError(
      `${stepNames.join(', ')} (parted by commas) or none was expected.`,
    );
  return known;
}

export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'time the kernels and whole training steps, against the peaks of the device and the cpu device',
    )
    .argument('[filter]', 'only kernels whose name contains this', '')
    .option(
      '--steps <names>',
      'training steps: tiny (2 × 128), mini (4 × 256), base (12 × 768), or none (default: none with a filter, else what the adapter can do in a minute)',
      parseSteps,
    )
    .option(
      '--vocab-size <n>',
      'entries of the vocabulary in training steps (default: 8000; of base 30522)',
      positiveInteger,
    )
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(jsonOption())
    .action(async (filter: string, options, command: Command) => {
      if (command.optsWithGlobals().profile)
        throw new UsageError('bench times kernels itself: use it without --profile');
      const { benchKernels, kernelsNamed } = await import('../../bench/kernels.ts');
      const kernels = kernelsNamed(filter);
      if (kernels.length === 0)
        throw new UsageError(
          `no kernel has ${JSON.stringify(filter)} in its name; without a filter, all are timed`,
        );
      const device = await openCliDevice(options.device, options.json, options.precision);
      const cpu = device.kind === 'cpu' ? undefined : new CpuDevice();
      const peaks = await measurePeaks(device);
      const { benchStep } = await import('../../bench/steps.ts');
      const print = (row: object, line: () => string) =>
        console.log(options.json ? JSON.stringify(row) : line());
      const title = (columns: readonly Column[], widths: readonly number[]) => {
        if (!options.json)
          console.log(
            `\n${tableRow(
              columns,
              widths,
              columns.map((column) => (typeof column === 'string' ? column : column.title)),
            )}`,
          );
      };
      const { kind, description, traits } = device;
      print(
        { device: kind, adapter: description, peaks },
        () =>
          `peaks: ${number(peaks.flops / 1e9)} GFLOP/s by multiply-adds, ${number(peaks.bytesPerSecond / 1e9)} GB/s by a copy`,
      );
      title(kernelColumns, kernelWidths);
      const onCase = (timing: KernelTiming) =>
        print(timing, () => tableRow(kernelColumns, kernelWidths, kernelRow(timing)));
      await benchKernels(device, cpu, peaks, kernels, onCase);
      const defaultSteps =
        kind === 'cpu'
          ? stepNames.slice(0, 1)
          : traits.software
            ? stepNames.slice(0, 2)
            : stepNames;
      const steps: readonly StepTiming['step'][] = options.steps ?? (filter ? [] : defaultSteps);
      if (steps.length > 0) title(stepColumns, stepWidths);
      for (const step of steps) {
        const timing = await benchStep(step, device, cpu, peaks, options.vocabSize);
        print(timing, () => tableRow(stepColumns, stepWidths, stepRow(timing)));
      }
    });
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
