import { basename, dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { streamSafetensors } from '../../formats/safetensors/file.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { UsageError } from '../../platform/errors.ts';
import type { EncodedExample } from '../../train/data/batch.ts';
import { readData } from '../../train/data/labelledData.ts';
import { FeatureExtractionPipeline } from '../../train/pipelines/featureExtraction.ts';
import { modelFolder } from '../download.ts';
import {
  dataOptions,
  dataOptionsOf,
  deviceOption,
  jsonOption,
  openCliDevice,
  positiveInteger,
  reportProblems,
} from '../options.ts';
import { readLines, splitPair } from '../texts.ts';

type Text = string | readonly [string, string];

export function embedCommand(): Command {
  const [textColumnOption, pairColumnOption] = dataOptions();
  return new Command('embed')
    .description(
      'turn texts, given as arguments, in a file or line by line on standard input, into vectors',
    )
    .argument('[text...]', 'texts to embed')
    .requiredOption('--model <dir>', 'folder of the model, or its name on the Hugging Face hub')
    .requiredOption('--out <file>', 'where the vectors go: .safetensors or .jsonl')
    .option('--input <file>', 'TSV, CSV or JSONL with a text column (or two)')
    .option('--pairs', 'each text is a pair, parted by a tab')
    .addOption(
      new Option(
        '--pooling <pooling>',
        'a vector for each text, of its first position or the mean, or one for each token',
      )
        .choices(['cls', 'mean', 'tokens'])
        .default('mean'),
    )
    .option(
      '--layers <layers>',
      'which states, separated by commas: 0 the embeddings, -1 the last layer',
      layerList,
      [-1],
    )
    .addOption(
      new Option('--combine <how>', 'how several layers become one')
        .choices(['concat', 'sum'])
        .default('concat'),
    )
    .option(
      '--max-length <tokens>',
      'longest text; longer ones are cut (default: all the model takes)',
      positiveInteger,
    )
    .option('--batch-size <n>', 'texts at a time', positiveInteger, 32)
    .addOption(textColumnOption)
    .addOption(pairColumnOption)
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (given: string[], options) => {
      const { out, json, batchSize, maxLength, ...features } = options;
      const write = formatOf(out);
      const texts = await textsOf(given, options);
      const device = await openCliDevice(options.device, json);
      const pipeline = await FeatureExtractionPipeline.fromPretrained(
        await modelFolder(options.model, json),
      );
      const size = pipeline.featureSize(features);
      const encoded = pipeline.encode(texts, maxLength);
      const vectors = pipeline.stream(encoded, batchSize, features);
      const tokensOf = (i: number) => pipeline.tokenizer.convertIdsToTokens(encoded[i].inputIds);
      const content = write({
        texts,
        encoded,
        vectors,
        size,
        tokensOf,
        ofTokens: features.pooling === 'tokens',
      });
      await writeFiles(dirname(out), { [basename(out)]: content });
      const report = {
        out,
        texts: texts.length,
        size,
        device: device.kind,
        adapter: device.description,
      };
      console.log(
        json ? JSON.stringify(report) : `${out}: ${texts.length} texts, vectors of ${size}`,
      );
    });
}

function layerList(text: string): number[] {
  const layers = text.split(',').map((layer) => (layer.trim() === '' ? Number.NaN : Number(layer)));
  if (!layers.every(Number.isInteger))
    throw new InvalidArgumentError('Whole numbers separated by commas were expected.');
  return layers;
}

async function textsOf(
  given: string[],
  { input, pairs, ...rest }: { input?: string; pairs?: boolean } & Record<string, string>,
): Promise<Text[]> {
  if (input === undefined)
    return (given.length > 0 ? given : await readLines()).map((text, i) =>
      pairs ? splitPair(text, i) : text,
    );
  if (given.length > 0 || pairs)
    throw new UsageError(
      `--input excludes ${pairs ? '--pairs: a file has its pairs in two columns' : 'texts as arguments'}`,
    );
  const { examples, problems } = await readData(input, {
    ...dataOptionsOf(rest),
    labelOptional: true,
  });
  reportProblems(input, problems);
  return examples.map(({ text, pair }) => (pair === undefined ? text : [text, pair]));
}

interface Result {
  texts: readonly Text[];
  encoded: readonly EncodedExample[];
  vectors: AsyncIterable<Float32Array>;
  size: number;
  tokensOf: (i: number) => string[];
  ofTokens: boolean;
}

/** How a file of this extension is written. */
function formatOf(out: string): (result: Result) => AsyncIterable<Uint8Array> {
  if (/\.safetensors$/i.test(out)) return safetensors;
  if (/\.(jsonl|ndjson)$/i.test(out)) return jsonLines;
  throw new UsageError(
    `cannot tell the format of ${out}: expected .safetensors or .jsonl as its extension`,
  );
}

/** `embeddings`: [texts, size]; for tokens [all tokens, size], where text i has rows `offsets`[i] to before `offsets`[i + 1]. */
function safetensors({ encoded, vectors, size, ofTokens }: Result): AsyncIterable<Uint8Array> {
  const offsets = [0];
  for (const { inputIds } of encoded)
    offsets.push(offsets.at(-1)! + (ofTokens ? inputIds.length : 1));
  const embeddings = { dtype: 'F32', shape: [offsets.at(-1)!, size], data: () => vectors } as const;
  const index = {
    dtype: 'I32',
    shape: [offsets.length],
    data: async () => Int32Array.from(offsets),
  } as const;
  return streamSafetensors([
    ['embeddings', embeddings],
    ...(ofTokens ? ([['offsets', index]] as const) : []),
  ]);
}

/** A line for each text, with its `embedding`, or its `tokens` and their `embeddings`. */
async function* jsonLines({
  texts,
  vectors,
  size,
  tokensOf,
  ofTokens,
}: Result): AsyncGenerator<Uint8Array> {
  // Nine digits say which float32 it is.
  const numbers = (vector: Float32Array) =>
    Array.from(vector, (value) => Number(value.toPrecision(9)));
  const encoder = new TextEncoder();
  let i = 0;
  for await (const vector of vectors) {
    const text = texts[i];
    const head = typeof text === 'string' ? { text } : { text: text[0], pair: text[1] };
    const rows = Array.from({ length: vector.length / size }, (_, row) =>
      numbers(vector.subarray(row * size, (row + 1) * size)),
    );
    const features = ofTokens ? { tokens: tokensOf(i), embeddings: rows } : { embedding: rows[0] };
    yield encoder.encode(`${JSON.stringify({ ...head, ...features })}\n`);
    i++;
  }
}
