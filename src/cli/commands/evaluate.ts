import { Command } from 'commander';
import { encodeExamples } from '../../train/batch.ts';
import { TextClassificationPipeline } from '../../train/classifier.ts';
import { readData } from '../../train/data.ts';
import { evaluate } from '../../train/evaluate.ts';
import { accuracy, confusionMatrix, macroF1, matthewsCorrelation } from '../../train/metrics.ts';
import { modelFolder } from '../download.ts';
import { columnOptions, count, deviceOption, jsonOption, openFor, reportProblems } from '../options.ts';
import { percent } from '../table.ts';

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('measure a classifier on labelled texts')
    .argument('<file>', 'TSV, CSV or JSONL with the labels the model was trained on')
    .requiredOption('--model <dir>', 'folder of the classifier, or its name on the Hugging Face hub')
    .option('--max-length <tokens>', 'longest text (default: all the model takes)', count)
    .option('--batch-size <n>', 'texts at a time', count, 64)
    .addOption(deviceOption())
    .addOption(jsonOption());
  for (const option of columnOptions()) command.addOption(option);
  return command.action(async (file: string, options) => {
    const { textColumn, pairColumn, labelColumn, batchSize } = options;
    const device = await openFor(options.device, options.json);
    const dir = await modelFolder(options.model, options.json);
    const { model, tokenizer } = await TextClassificationPipeline.fromPretrained(dir);
    const { id2label, numLabels, maxPositionEmbeddings } = model.config;
    const labels = Array.from({ length: numLabels }, (_, id) => id2label[id]);
    const data = await readData(file, { textColumn, pairColumn, labelColumn, labels });
    reportProblems(file, data.problems);
    const examples = encodeExamples(data.examples, tokenizer, options.maxLength ?? maxPositionEmbeddings, maxPositionEmbeddings);
    const { loss, predictions } = await evaluate(model, examples, batchSize);
    const truth = examples.map(({ label }) => label);
    const result = {
      examples: truth.length,
      skipped: data.problems.length,
      loss,
      accuracy: accuracy(predictions, truth),
      macroF1: macroF1(predictions, truth),
      matthews: matthewsCorrelation(predictions, truth),
      labels,
      confusion: confusionMatrix(predictions, truth, numLabels),
    };
    if (options.json) {
      console.log(JSON.stringify({ ...result, device: device.kind, adapter: device.description }));
      return;
    }
    console.log(`examples   ${result.examples}`);
    console.log(`loss       ${loss.toFixed(4)}`);
    console.log(`accuracy   ${percent(result.accuracy)}`);
    console.log(`macro F1   ${result.macroF1.toFixed(4)}`);
    console.log(`Matthews   ${result.matthews.toFixed(4)}`);
    console.log('confusion  (rows: true label, columns: predicted)');
    const width = Math.max(...labels.map((label) => label.length), String(result.examples).length);
    console.log(`  ${' '.repeat(width)}  ${labels.map((label) => label.padStart(width)).join('  ')}`);
    result.confusion.forEach((row, i) => {
      console.log(`  ${labels[i].padStart(width)}  ${row.map((n) => String(n).padStart(width)).join('  ')}`);
    });
  });
}
