import { Command } from 'commander';
import { encodeExamples } from '../../train/data/batch.ts';
import { readData } from '../../train/data/labelledData.ts';
import { tasks } from '../../train/tasks/index.ts';
import { metricNames } from '../../train/tasks/metric.ts';
import type { Report } from '../../train/tasks/task.ts';
import { labelsOf, loadTaskModel, taskOf } from '../../train/tasks/taskModel.ts';
import { evaluateExamples } from '../../train/trainer/evaluate.ts';
import { modelFolder } from '../download.ts';
import {
  addOptions,
  dataOptions,
  dataOptionsOf,
  deviceOption,
  jsonOption,
  openCliDevice,
  positiveInteger,
  reportProblems,
  reportTruncatedWords,
} from '../options.ts';
import { percent, table } from '../table.ts';

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('measure a model on labelled texts, pairs of texts or words')
    .argument('<file>', 'TSV, CSV, JSONL or CoNLL with labels of the kind the model was trained on')
    .requiredOption('--model <dir>', 'folder of the model, or its name on the Hugging Face hub')
    .option('--max-length <tokens>', 'longest text (default: all the model takes)', positiveInteger)
    .option('--batch-size <n>', 'texts at a time', positiveInteger, 64)
    .addOption(deviceOption())
    .addOption(jsonOption());
  addOptions(command, dataOptions());
  return command.action(async (file: string, options) => {
    const device = await openCliDevice(options.device, options.json);
    const { model, tokenizer } = await loadTaskModel(
      await modelFolder(options.model, options.json),
    );
    const task = taskOf(model);
    const labels = labelsOf(model);
    const { maxPositionEmbeddings } = model.config;
    const data = await readData(file, { ...dataOptionsOf(options), task: task.name, labels });
    reportProblems(file, data.problems);
    const examples = encodeExamples(
      data.examples,
      tokenizer,
      options.maxLength ?? maxPositionEmbeddings,
      maxPositionEmbeddings,
    );
    reportTruncatedWords(file, data.examples, examples);
    const { loss, predictions } = await evaluateExamples(model, examples, options.batchSize);
    const truth = examples.map(({ label }) => label!);
    const report = task.report(predictions, truth, labels);
    const head = { examples: examples.length, skipped: data.problems.length, loss };
    if (options.json) {
      const { metrics, ...rest } = report;
      const where = { device: device.kind, adapter: device.description };
      console.log(
        JSON.stringify({
          task: task.name,
          ...head,
          ...metrics,
          ...(task !== tasks.regression && { labels }),
          ...rest,
          ...where,
        }),
      );
      return;
    }
    show(head, report, labels);
  });
}

/** Columns that people can read beside each other. */
const MAX_CONFUSION_LABELS = 20;

const titles: Record<string, string> = {
  ...metricNames,
  macroF1: 'macro F1',
  weightedF1: 'weighted F1',
  exactMatch: 'all labels right',
  matthews: 'Matthews',
};
const shares = ['accuracy', 'exactMatch'];

/** Prints figures for people. */
function show(
  { examples, loss }: { examples: number; loss: number },
  { metrics, perLabel, confusion }: Report,
  labels: string[],
) {
  const lines: [string, string][] = [
    ['examples', `${examples}`],
    ['loss', loss.toFixed(4)],
  ];
  for (const [name, value] of Object.entries(metrics)) {
    const text = Number.isNaN(value)
      ? 'not defined: all scores are equal'
      : shares.includes(name)
        ? percent(value)
        : value.toFixed(4);
    lines.push([titles[name] ?? name, text]);
  }
  const width = Math.max(...lines.map(([title]) => title.length));
  for (const [title, text] of lines) console.log(`${title.padEnd(width)}   ${text}`);
  if (perLabel && Object.keys(perLabel).length > 0) {
    const columns = ['precision', 'recall', 'F1', 'support'].map(
      (title) => ({ title, right: true }) as const,
    );
    const rows = Object.entries(perLabel).map(([label, { precision, recall, f1, support }]) => {
      return [label, ...[precision, recall, f1].map((value) => value.toFixed(4)), `${support}`];
    });
    console.log(`\n${table(['label', ...columns], rows)}`);
  }
  if (confusion && labels.length > MAX_CONFUSION_LABELS) {
    console.log(`\nconfusion: too wide a table for ${labels.length} labels; --json has it`);
  } else if (confusion) {
    console.log('\nconfusion (rows: true label, columns: predicted)');
    const columns = labels.map((title) => ({ title, right: true }) as const);
    const rows = confusion.map((row, i) => [labels[i], ...row.map(String)]);
    console.log(table(['', ...columns], rows));
  }
}
