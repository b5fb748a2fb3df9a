import { isRowProblem } from '../../formats/tables/rows.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { checkKeys, type NamesOf } from '../../platform/usage.ts';
import type { EncodedExample } from '../data/batch.ts';
import { windowsOf } from '../data/documents.ts';
import type { DataOptions } from '../data/labelledData.ts';
import { filesOf } from '../data/severalFiles.ts';
import { embedDefaults } from '../defaults.ts';
import { isMainProcess } from '../distributed/processGroup.ts';
import type { TextInput } from '../pipelines/encode.ts';
import { FeatureExtractionPipeline, type FeatureOptions } from '../pipelines/featureExtraction.ts';
import { embeddingFormat } from './embeddingFiles.ts';
import type { InputEvent, RecipeCallbacks } from './events.ts';
import { openInput, reportTable, SkippedRows } from './inputTable.ts';
import { checkOutFile, writeOutFile } from './outFile.ts';
import { reportUnseen } from './reports.ts';
import { fetchModel } from './start.ts';

/** Options of `embed`. */
export interface EmbedOptions
  extends FeatureOptions,
    Pick<DataOptions, 'textColumn' | 'pairColumn' | 'format' | 'encoding'> {
  /** Hugging Face folder, whatever head its model has, or a model's name on the hub. */
  model: string;
  /** Folder or name of an adapter's base model. Default: the one that the adapter names. */
  base?: string;
  /** Either these or `input`. */
  texts?: readonly TextInput[];
  /** TSV, CSV or JSONL file with a text column, or two for pairs; or `.txt` with a text a line. */
  input?: string;
  /** File for the vectors: .safetensors or .jsonl. Default: they are returned. */
  out?: string;
  /** Longest text in tokens; longer ones are cut. Default: as long as the model allows. */
  maxLength?: number;
  /**
   * Reads longer texts in windows that repeat so many tokens of the one before, instead of cutting
   * them: a vector is the mean over the windows. Not with `pooling: 'tokens'`.
   */
  stride?: number;
  /** Default 32. */
  batchSize?: number;
}

/** Names of `EmbedOptions`. */
export const embedOptions = Object.keys({
  ...{ model: true, base: true, texts: true, input: true, out: true, maxLength: true },
  ...{ stride: true, batchSize: true, textColumn: true, pairColumn: true, format: true },
  ...{ encoding: true, pooling: true, layers: true, combine: true },
} satisfies NamesOf<EmbedOptions>);

/** What `embed` reports. */
export type EmbedEvent = InputEvent;

/** What `embed` resolves with. */
export interface EmbedResult {
  /** Number of texts. */
  texts: number;
  /** Elements of one vector. */
  size: number;
  /**
   * One for each text: [size], or [tokens, size] row by row if `pooling` is 'tokens'. Empty if they
   * are written to `out`, since they may not fit into memory.
   */
  vectors: Float32Array[];
}

/**
 * Turns texts into vectors on the default device: BERT's feature-based use (Devlin et al. 2019,
 * §5.3). With `out` they go to a file, a few batches at a time. Processes that train together
 * share the work: each of them calls this, and the first writes.
 * @throws UsageError if model, texts or an option cannot be used; NotFiniteError if outputs are not
 * finite; the reason of `signal` if it is aborted.
 * @example
 * const { vectors } = await embed({ model: 'my-bert', texts: ['a wonderful film'] });
 */
export async function embed(
  options: EmbedOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<EmbedEvent> = {},
): Promise<EmbedResult> {
  checkKeys(options, embedOptions, 'option of embed');
  const { model, base, out, maxLength, stride, batchSize, pooling, layers, combine } = withDefaults(
    embedDefaults,
    options,
  );
  if (stride !== undefined && pooling === 'tokens')
    throw new UsageError("`stride`: expected `pooling` to be 'mean' or 'cls', got 'tokens'");
  const format = out === undefined ? undefined : embeddingFormat(out);
  if (out !== undefined) await checkOutFile(out, filesOf(options.input ?? []));
  const texts = await readTexts(options, report);
  const pipeline = await FeatureExtractionPipeline.fromPretrained(
    await fetchModel(model, report, base),
  );
  const features = { pooling, layers, combine };
  const size = pipeline.featureSize(features);
  const encoded = pipeline.encode(texts, maxLength, stride);
  reportUnseen(
    options.input ?? 'texts',
    {
      examples: texts.map((text) =>
        typeof text === 'string' ? { text } : { text: text[0], pair: text[1] },
      ),
      encoded,
      tokenizer: pipeline.tokenizer,
      maxLength: maxLength ?? pipeline.maxLength,
    },
    report,
  );
  const windows = encoded.flatMap(windowsOf<EncodedExample>);
  const working = { ...features, signal, shared: true };
  const hasUnitLength = pooling === undefined && pipeline.sentence?.normalize === true;
  const stream = pooled(encoded, pipeline.stream(windows, batchSize, working), hasUnitLength);
  const vectors: Float32Array[] = [];
  if (format && isMainProcess())
    await writeOutFile(
      out!,
      format({
        texts,
        encoded,
        vectors: stream,
        size,
        tokensOf: (i) => pipeline.tokenizer.convertIdsToTokens(encoded[i].inputIds),
        ofTokens: pooling === 'tokens',
      }),
    );
  else for await (const vector of stream) if (!format) vectors.push(vector);
  return { texts: texts.length, size, vectors };
}

/** The mean over the vectors of each text's windows, brought to length 1 if they have it. */
async function* pooled(
  texts: readonly EncodedExample[],
  vectors: AsyncGenerator<Float32Array>,
  hasUnitLength: boolean,
): AsyncGenerator<Float32Array> {
  try {
    for (const { overflow = [] } of texts) {
      const { value: mean } = (await vectors.next()) as { value: Float32Array };
      for (const _ of overflow) {
        const { value: next } = await vectors.next();
        for (let i = 0; i < mean.length; i++) mean[i] += next[i];
      }
      if (overflow.length === 0) {
        yield mean;
        continue;
      }
      const divisor = hasUnitLength ? Math.hypot(...mean) : 1 + overflow.length;
      yield mean.map((sum) => sum / divisor);
    }
  } finally {
    await vectors.return(undefined);
  }
}

/** @throws UsageError unless exactly one of `texts` and `input` is given. */
async function readTexts(
  { texts, input, textColumn, pairColumn, format, encoding }: EmbedOptions,
  report: (event: EmbedEvent) => void,
): Promise<readonly TextInput[]> {
  if (texts && input !== undefined)
    throw new UsageError('`texts` and `input` exclude each other: give one of them');
  if (texts) return texts;
  if (input === undefined)
    throw new UsageError('expected texts: set `texts`, or `input` to a file with a text column');
  const table = await openInput(input, { textColumn, pairColumn, format, encoding });
  reportTable(table, report);
  const skipped = new SkippedRows();
  const found: TextInput[] = [];
  for await (const item of table.rows()) {
    if (isRowProblem(item)) skipped.add(item);
    else found.push(item.input as TextInput);
  }
  if (found.length === 0) throw skipped.noRows(table.name);
  skipped.report(table.name, report);
  return found;
}
