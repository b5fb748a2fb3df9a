import { Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../platform/errors.ts';
import { embedDefaults } from '../../train/defaults.ts';
import { baseOption } from '../loraOptions.ts';
import { openCliDevice } from '../openDevice.ts';
import {
  addOptions,
  columnOptions,
  deviceOption,
  jsonOption,
  modelOption,
  nonNegativeInteger,
  pickOptions,
  positiveInteger,
  precisionOption,
} from '../options.ts';
import { optionsFileOptions } from '../optionsFile.ts';
import { wigbertCommand } from '../shell.ts';
import { interruptExitCode, interruptible } from '../signals.ts';
import { checkTextOptions } from '../textOptions.ts';

export function embedCommand(): Command {
  const command = new Command('embed')
    .argument('[texts...]', 'texts (default: the lines of standard input)')
    .addOption(modelOption().makeOptionMandatory())
    .requiredOption('--out <file>', 'file for the vectors: .safetensors or .jsonl')
    .option(
      '--input <file>',
      'TSV, CSV, JSONL or Parquet with a text column (or two), or .txt with a text a line',
    )
    .option('--pairs', 'each text is a pair, separated by a tab')
    .addOption(
      new Option(
        '--pooling <pooling>',
        'one vector per text (cls: its first position, mean: the mean), or one per token ' +
          "(default: what the model's folder says, else mean)",
      ).choices(['cls', 'mean', 'tokens']),
    )
    .option(
      '--layers <layers>',
      'which states, separated by commas: 0 the embeddings, -1 the last layer',
      layerList,
      embedDefaults.layers,
    )
    .addOption(
      new Option('--combine <how>', 'how several layers become one vector')
        .choices(['concat', 'sum'])
        .default(embedDefaults.combine),
    )
    .option(
      '--max-length <tokens>',
      'longest text; longer ones are cut (default: all the model takes)',
      positiveInteger,
    )
    .option(
      '--stride <tokens>',
      'read longer texts in windows that repeat this many tokens of the one before, and give the ' +
        'mean of their vectors (default: cut them)',
      nonNegativeInteger,
    )
    .option('--batch-size <n>', 'texts per batch', positiveInteger, embedDefaults.batchSize);
  return addOptions(command, [baseOption(), ...columnOptions(), ...optionsFileOptions()])
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(jsonOption())
    .action(run);
}

async function run(
  given: string[],
  { pairs, json, device: kind, precision, ...options }: ReturnType<Command['opts']>,
): Promise<void> {
  const { embed, embedOptions } = await import('../../train/recipes/embed.ts');
  const { reportInput } = await import('../inputReports.ts');
  const { model, out } = options;
  checkTextOptions(given, { ...options, pairs });
  const { checkAreTexts } = await import('../texts.ts');
  await checkAreTexts(given, (file) => {
    const call = wigbertCommand('embed', '--model', model, '--out', out, '--input', file);
    return `for the texts in it: ${call}`;
  });
  const texts = await readTexts(given, options, pairs);
  const device = await openCliDevice(kind, json, precision);
  const { signal, listen, release } = interruptible(() =>
    console.error('stopping; press Ctrl-C again to leave at once'),
  );
  listen();
  try {
    const { size, ...result } = await embed(
      { ...pickOptions(options, embedOptions), model, texts },
      { signal, onEvent: (event) => reportInput(event, json) },
    );
    const adapter = { device: device.kind, adapter: device.description };
    console.log(
      json
        ? JSON.stringify({ out, texts: result.texts, size, ...adapter })
        : `${out}: ${result.texts} texts, vectors of ${size}`,
    );
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    console.error(`stopped: ${out} is not written`);
    process.exitCode = interruptExitCode();
  } finally {
    release();
  }
}

function layerList(text: string): number[] {
  const layers = text.split(',').map((layer) => (layer.trim() === '' ? Number.NaN : Number(layer)));
  if (!layers.every(Number.isInteger))
    throw new InvalidArgumentError('Expected whole numbers separated by commas.');
  return layers;
}

/** Texts of arguments or of standard input; none if there is a file to read. */
async function readTexts(
  given: string[],
  { input, encoding }: { input?: string; encoding?: string },
  pairs: boolean,
) {
  if (input !== undefined) return undefined;
  const { getWorldSize } = await import('../../train/distributed/processGroup.ts');
  if (given.length === 0 && getWorldSize() > 1)
    throw new UsageError(
      'expected texts or --input: several processes do not share standard input',
    );
  const { readLines, splitPair } = await import('../texts.ts');
  const lines = given.length > 0 ? given : await readLines(encoding);
  return lines.map((text, i) => (pairs ? splitPair(text, i) : text));
}
