import { Command, InvalidArgumentError } from 'commander';
import type { StepName } from '../../bench/steps.ts';
import { UsageError } from '../../platform/errors.ts';
import {
  deviceOption,
  jsonOption,
  kernelModuleOption,
  positiveInteger,
  precisionOption,
} from '../options.ts';

const stepNames = ['tiny', 'mini', 'base'] as const satisfies StepName[];

function parseSteps(text: string): StepName[] {
  const names = text === 'none' ? [] : text.split(',');
  const known = stepNames.filter((name) => names.includes(name));
  if (known.length < names.length)
    throw new InvalidArgumentError(
      `Expected some of ${stepNames.join(', ')}, separated by commas, or none.`,
    );
  return known;
}

export function benchCommand(): Command {
  return new Command('bench')
    .argument('[filter]', 'only kernels whose name contains this', '')
    .option(
      '--steps <names>',
      'training steps: tiny (2 × 128), mini (4 × 256), base (12 × 768), or none (default: none ' +
        'with a filter or --module, else those that take under a minute)',
      parseSteps,
    )
    .option(
      '--vocab-size <n>',
      'entries of the vocabulary in training steps (default: 8000; of base 30522)',
      positiveInteger,
    )
    .addOption(kernelModuleOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(jsonOption())
    .action(async (filter: string, options, command: Command) => {
      if (command.optsWithGlobals().profile)
        throw new UsageError('bench times kernels itself: use it without --profile');
      const { runBench } = await import('../benchmark.ts');
      await runBench(filter, options);
    });
}
