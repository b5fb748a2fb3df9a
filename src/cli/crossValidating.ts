import type { Command } from 'commander';
import type { Device } from '../device/device.ts';
import type { FineTuneEvent } from '../train/recipes/fineTuneEvents.ts';
import type {
  CrossValidateCallbacks,
  CrossValidateOptions,
  CrossValidateResult,
  FoldResult,
} from '../train/recipes/folds.ts';
import { formatMetric, type Metric, metricKey, metricNames } from '../train/tasks/metric.ts';
import { checkSameOptions, openAsBegun } from './resume.ts';
import { wigbertCommand } from './shell.ts';
import { interruptExitCode } from './signals.ts';
import { table } from './table.ts';

/** Whether a folder holds a cross-validation. */
export const isCrossValidation = async (dir: string): Promise<boolean> =>
  (await import('../train/recipes/folds.ts')).isCrossValidation(dir);

/** `wigbert train` with `--folds`, or on the folder of such a run. */
export async function runFolds(
  command: Command,
  data: string | string[] | undefined,
  options: ReturnType<Command['opts']>,
): Promise<void> {
  const { device: asked, precision, json, quiet, resume, maxTime, ...rest } = options;
  const { crossValidate } = await import('../train/recipes/folds.ts');
  const { showTraining } = await import('./training.ts');
  const silent = Boolean(json || quiet);
  // With `auto`, the folds as a whole may not have begun, but the first of them.
  const begins = resume === 'auto' && !(await isCrossValidation(options.out));
  const folder: string | undefined = resume === 'auto' ? options.out : resume;
  const given =
    begins || folder === undefined
      ? ({ ...rest, resume, data } as CrossValidateOptions)
      : { resume: folder };
  let device!: Device;
  const result = await showTraining(
    given,
    { json: Boolean(json), silent, maxTime },
    async (begun) => {
      const files = data && begun ? { given: data, begun: begun.data } : undefined;
      if (begun) checkSameOptions(command, { ...begun }, folder ?? options.out, files);
      device = await openAsBegun(begun, asked, silent, precision);
    },
    ({ onEvent, ...callbacks }) =>
      crossValidate(given, { ...callbacks, onEvent: showFolds(onEvent!, json, silent) }),
  );
  if (json)
    console.log(
      JSON.stringify({
        event: 'end',
        ...result,
        device: device?.kind,
        adapter: device?.description,
      }),
    );
  else if (result.interrupted)
    console.error(`to continue: ${wigbertCommand('train', '--resume', result.out)}`);
  else showSummary(result);
  if (result.interrupted) process.exitCode = interruptExitCode();
}

type OnEvent = NonNullable<CrossValidateCallbacks['onEvent']>;

/** Shows where folds begin; passes the other events on. */
const showFolds =
  (pass: (event: FineTuneEvent) => void, json: boolean, silent: boolean): OnEvent =>
  (event) => {
    if (event.event !== 'fold' && event.event !== 'foldEnd') return pass(event);
    if (json) console.log(JSON.stringify(event));
    else if (silent) return;
    else if (event.event === 'fold')
      console.error(`fold ${event.fold} of ${event.folds}: ${event.out}`);
    else if (event.kept) console.error(`fold ${event.fold} is done: ${event.out}`);
  };

/** Prints the metrics of each fold, then their mean and deviation. */
function showSummary({ results, summary, out }: CrossValidateResult): void {
  const names = Object.keys(summary);
  const columns = names.map((name) => ({ title: titleOf(name), right: true }) as const);
  const row = ({ fold, epoch, metrics }: FoldResult) => [
    `fold ${fold}, epoch ${epoch}`,
    ...names.map((name) => (metrics[name] === undefined ? '–' : figure(name, metrics[name]))),
  ];
  const mean = names.map((name) => {
    const { mean, std } = summary[name];
    return `${figure(name, mean)} ± ${figure(name, std)}`;
  });
  console.log(table(['', ...columns], [...results.map(row), ['mean ± deviation', ...mean]]));
  console.log(`the model of each fold is in ${out}/fold-N; the figures are in ${out}/folds.json`);
}

const metricOf = (name: string): Metric | undefined =>
  (Object.keys(metricNames) as Metric[]).find((metric) => metricKey('valid', metric) === name);

function titleOf(name: string): string {
  const metric = metricOf(name);
  return metric === undefined ? 'loss' : metricNames[metric];
}

function figure(name: string, value: number): string {
  const metric = metricOf(name);
  return metric === undefined ? value.toFixed(4) : formatMetric(metric, value);
}
