import { Command } from 'commander';
import { evaluateDefaults } from '../../train/defaults.ts';
import type { EvaluateResult } from '../../train/recipes/evaluate.ts';
import { metricNames } from '../../train/tasks/metric.ts';
import type { TaskName } from '../../train/tasks/task.ts';
import { baseOption } from '../loraOptions.ts';
import { openCliDevice } from '../openDevice.ts';
import {
  addOptions,
  dataOptions,
  dataOptionsOf,
  deviceOption,
  jsonOption,
  modelOption,
  positiveInteger,
  strideOption,
} from '../options.ts';
import { optionsFileOptions } from '../optionsFile.ts';
import { percent, table } from '../table.ts';

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('measure a model on labelled texts, pairs of texts, words, questions or choices')
    .argument(
      '<data>',
      'TSV, CSV, JSON, JSONL or CoNLL with labels of the kind the model was trained on',
    )
    .addOption(modelOption().makeOptionMandatory())
    .addOption(baseOption())
    .option('--max-length <tokens>', 'longest text (default: all the model takes)', positiveInteger)
    .option('--batch-size <n>', 'texts per batch', positiveInteger, evaluateDefaults.batchSize)
    .addOption(strideOption())
    .addOption(deviceOption())
    .addOption(jsonOption());
  addOptions(command, [...dataOptions(), ...optionsFileOptions()]);
  return command.action(async (data: string, options) => {
    const { model, base, maxLength, batchSize, stride, json } = options;
    const { evaluate } = await import('../../train/recipes/evaluate.ts');
    const { reportInput } = await import('../inputReports.ts');
    const device = await openCliDevice(options.device, json);
    const result = await evaluate(
      { model, base, data, maxLength, batchSize, stride, ...dataOptionsOf(options) },
      { onEvent: (event) => reportInput(event, json) },
    );
    if (!json) {
      show(result);
      return;
    }
    const { task, loss, examples, skipped, metrics, labels, perLabel, confusion } = result;
    console.log(
      JSON.stringify({
        task,
        examples,
        skipped,
        loss,
        ...metrics,
        ...(!unlabelled.includes(task) && { labels }),
        perLabel,
        confusion,
        device: device.kind,
        adapter: device.description,
      }),
    );
  });
}

/** Tasks whose outputs have no names. */
const unlabelled: readonly TaskName[] = ['regression', 'question-answering', 'multiple-choice'];

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
}: EvaluateResult): void {
  const lines: [string, string][] = [
    ['examples', `${examples}`],
    ['loss', loss.toFixed(4)],
    ...Object.entries(metrics).map(([name, value]): [string, string] => {
      const isAll = name === 'exactMatch' && task === 'multi-label';
      return [isAll ? 'all labels right' : (titles[name] ?? name), formatFigure(name, value)];
    }),
  ];
  const width = Math.max(...lines.map(([title]) => title.length));
  for (const [title, text] of lines) console.log(`${title.padEnd(width)}   ${text}`);
  if (perLabel && Object.keys(perLabel).length > 0) showPerLabel(perLabel);
  if (confusion) showConfusion(confusion, labels);
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
