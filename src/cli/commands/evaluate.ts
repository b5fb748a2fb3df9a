import { Command } from 'commander';
import { formatName } from '../../platform/format.ts';
import { evaluateDefaults } from '../../train/defaults.ts';
import type { EvaluateResult } from '../../train/recipes/evaluate.ts';
import { metricNames } from '../../train/tasks/metric.ts';
import type { TaskName } from '../../train/tasks/task.ts';
import { baseOption } from '../loraOptions.ts';
import { openCliDevice } from '../openDevice.ts';
import {
  addOptions,
  calibratedOption,
  closedShare,
  dataOptions,
  dataOptionsOf,
  deviceOption,
  jsonOption,
  modelOption,
  positiveInteger,
  precisionOption,
  strideOption,
  thresholdOption,
} from '../options.ts';
import { optionsFileOptions } from '../optionsFile.ts';
import { percent, table } from '../table.ts';

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .argument(
      '<data...>',
      'TSV, CSV, JSON, JSONL, Parquet or CoNLL with labels of the kind the model was trained on; ' +
        'several files are read as one',
    )
    .addOption(modelOption().makeOptionMandatory())
    .addOption(baseOption())
    .option('--max-length <tokens>', 'longest text (default: all the model takes)', positiveInteger)
    .addOption(strideOption())
    .option('--batch-size <n>', 'texts per batch', positiveInteger, evaluateDefaults.batchSize)
    .addOption(thresholdOption())
    .addOption(calibratedOption())
    .option(
      '--abstain-below <probability>',
      'also give the accuracy on the texts whose label is at least as probable, and their share',
      closedShare,
    )
    .option('--worst <n>', 'show the n texts that the model is most wrong about', positiveInteger)
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(jsonOption());
  addOptions(command, [...dataOptions(), ...optionsFileOptions()]);
  return command.action(async (data: string[], options) => {
    const { model, base, maxLength, stride, batchSize, threshold, calibrated } = options;
    const { abstainBelow, worst, json } = options;
    const { evaluate } = await import('../../train/recipes/evaluate.ts');
    const { reportInput } = await import('../inputReports.ts');
    const device = await openCliDevice(options.device, json, options.precision);
    const result = await evaluate(
      {
        ...{ model, base, data, maxLength, stride, batchSize, threshold, calibrated },
        ...{ abstainBelow, worst, ...dataOptionsOf(options) },
      },
      { onEvent: (event) => reportInput(event, json) },
    );
    if (!json) {
      show(result);
      return;
    }
    const { task, loss, examples, skipped, metrics, labels, ...rest } = result;
    console.log(
      JSON.stringify({
        task,
        examples,
        skipped,
        loss,
        ...metrics,
        ...(!unlabelled.includes(task) && { labels }),
        ...(rest.calibration && { ece: rest.calibration.error }),
        ...rest,
        device: device.kind,
        adapter: device.description,
      }),
    );
  });
}

/** Tasks whose outputs have no names. */
const unlabelled: readonly TaskName[] = [
  'regression',
  'question-answering',
  'multiple-choice',
  'similarity',
];

/** Labels up to which people can read a table of confusions. */
const MAX_CONFUSION_LABELS = 20;

const titles: Record<string, string> = {
  ...metricNames,
  macroF1: 'macro F1',
  weightedF1: 'weighted F1',
  korquadExactMatch: 'exact match (KorQuAD)',
  korquadF1: 'F1 of characters (KorQuAD)',
  hasAnswerExactMatch: 'exact match, has answer',
  hasAnswerF1: 'F1, has answer',
  noAnswerAccuracy: 'none given, no answer',
  matthews: 'Matthews',
};
const shares = [
  'korquadExactMatch',
  'accuracy',
  'exactMatch',
  'hasAnswerExactMatch',
  'noAnswerAccuracy',
];

/** Prints figures for people. */
function show({
  task,
  examples,
  loss,
  metrics,
  perLabel,
  confusion,
  labels,
  calibration,
  abstention,
  worst,
}: EvaluateResult): void {
  const lines: [string, string][] = [
    ['examples', `${examples}`],
    ['loss', loss.toFixed(4)],
    ...Object.entries(metrics).map(([name, value]): [string, string] => {
      const isAll = name === 'exactMatch' && task === 'multi-label';
      return [isAll ? 'all labels right' : (titles[name] ?? name), formatFigure(name, value)];
    }),
    ...(calibration ? calibrationLines(calibration) : []),
    ...(abstention ? abstentionLines(abstention) : []),
  ];
  const width = Math.max(...lines.map(([title]) => title.length));
  for (const [title, text] of lines) console.log(`${title.padEnd(width)}   ${text}`);
  if (perLabel && Object.keys(perLabel).length > 0) showPerLabel(perLabel);
  if (confusion) showConfusion(confusion, labels);
  if (worst) showWorst(worst);
}

function calibrationLines({
  error,
  temperature,
  scaledError,
}: NonNullable<EvaluateResult['calibration']>): [string, string][] {
  const title = 'calibration error';
  if (temperature === undefined) return [[title, error.toFixed(4)]];
  const scaled = `${scaledError!.toFixed(4)} with temperature ${temperature.toFixed(3)}`;
  return [[title, `${error.toFixed(4)} (${scaled}, --calibrated)`]];
}

const abstentionLines = ({
  below,
  coverage,
  accuracy,
}: NonNullable<EvaluateResult['abstention']>): [string, string][] => [
  [`at ${below} or more`, `${percent(coverage)} of the texts`],
  ['accuracy on these', Number.isNaN(accuracy) ? 'undefined: there are none' : percent(accuracy)],
];

function showWorst(worst: NonNullable<EvaluateResult['worst']>): void {
  console.log('\nmost wrong');
  const hasFiles = worst.some(({ file }) => file !== undefined);
  const rows = worst.map(({ file, line, loss, probability, predicted, label, text, pair }) => [
    ...(hasFiles ? [file!] : []),
    `${line}`,
    loss.toFixed(4),
    label,
    probability === undefined ? predicted : `${predicted} ${probability.toFixed(4)}`,
    formatName(pair === undefined ? text : `${text}\t${pair}`),
  ]);
  const places = [...(hasFiles ? ['file'] : []), ...rightAligned(['line', 'loss'])];
  const columns = [...places, 'label', 'predicted', 'text'];
  console.log(table(columns, rows));
}

function formatFigure(name: string, value: number): string {
  if (Number.isNaN(value)) return 'undefined: all scores are equal';
  return shares.includes(name) ? percent(value) : value.toFixed(4);
}

const rightAligned = (titles: readonly string[]) =>
  titles.map((title) => ({ title, right: true }) as const);

function showPerLabel(perLabel: NonNullable<EvaluateResult['perLabel']>): void {
  const columns = rightAligned(['precision', 'recall', 'F1', 'support']);
  const rows = Object.entries(perLabel).map(([label, { precision, recall, f1, support }]) => {
    return [label, ...[precision, recall, f1].map((value) => value.toFixed(4)), `${support}`];
  });
  console.log(`\n${table(['label', ...columns], rows)}`);
}

function showConfusion(confusion: readonly number[][], labels: readonly string[]): void {
  if (labels.length > MAX_CONFUSION_LABELS) {
    console.log(`\nconfusion: the table of ${labels.length} labels is too wide; --json prints it`);
    return;
  }
  console.log('\nconfusion (rows: true label, columns: predicted)');
  const rows = confusion.map((row, i) => [labels[i], ...row.map(String)]);
  console.log(table(['', ...rightAligned(labels)], rows));
}
