import { readCheckpoint } from '../../bert/checkpoint/read.ts';
import type { WeightDtype } from '../../bert/checkpoint/torchDtype.ts';
import { writeCheckpoint } from '../../bert/checkpoint/write.ts';
import { modelFiles, tokenizerFiles } from '../../formats/modelFiles.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import { areTokenizer, removeModel, removeOtherTokenizer } from '../../formats/removeModel.ts';
import type { FileContent } from '../../platform/atomicWrite.ts';
import { readBytes } from '../../platform/readFiles.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import { copyCalibration } from './calibrationFile.ts';
import { removeEarlierResults } from './earlierResults.ts';
import { evaluate } from './evaluate.ts';
import type { InputEvent, RecipeCallbacks } from './events.ts';
import type { FileOptions } from './fineTuneData.ts';
import { MARK, saveCard } from './modelCard.ts';
import { checkNoModel, checkOtherFolder } from './outFolder.ts';
import { copySentenceFiles } from './sentenceFolder.ts';
import { fetchModel } from './start.ts';

/** Options of `convertModel`. */
export interface ConvertModelOptions extends FileOptions {
  /** Hugging Face folder, whatever head its model has, or a model's name on the hub. */
  model: string;
  /** Folder or name of an adapter's base model. Default: the one that the adapter names. */
  base?: string;
  /** Folder for the converted model; not that of the model. */
  out: string;
  /** Replaces the model that `out` holds. Default: such a folder is refused. */
  overwrite?: boolean;
  /**
   * float16 takes half the space of float32, int8 a quarter: matrices have 8 bits, with a scale for
   * each row, and are float32 again once they are read.
   */
  dtype: WeightDtype;
  /** A file of labelled texts: the converted model's card says what the conversion has cost. */
  data?: string;
}

/** What `convertModel` resolves with. */
export interface ConvertModelResult {
  /** Number of weights. */
  weights: number;
  /** Metrics on `data` before and after. */
  before?: Record<string, number>;
  after?: Record<string, number>;
}

/**
 * Stores a model with any head, and its tokenizer, in another precision. Each weight is read just
 * before it is written.
 * @throws UsageError if the model or `data` cannot be used, or `out` is the model's folder or holds
 * another model.
 * @example
 * await convertModel({ model: 'out/model', out: 'out/small', dtype: 'int8', data: 'test.tsv' });
 */
export async function convertModel(
  { model: name, base, out, overwrite, dtype, data, ...columns }: ConvertModelOptions,
  { onEvent: report = () => {} }: RecipeCallbacks<InputEvent> = {},
): Promise<ConvertModelResult> {
  const folder = await fetchModel(name, report, base);
  await checkOtherFolder(out, folder);
  await checkNoModel({ out, overwrite });
  const { config, tensors } = await readCheckpoint(folder);
  const architecture = await folder.architecture();
  const weights = Array.from(tensors, ([name, weight]) => {
    return [name, { shape: weight.shape, data: async () => weight.data }] as const;
  });
  const before =
    data === undefined ? undefined : await evaluate({ ...columns, model: name, base, data });
  const files = await tokenizerOf(folder);
  await removeEarlierResults(out);
  await writeCheckpoint(out, config, architecture ? [architecture] : [], weights, files, dtype);
  await removeModel(out, 'adapter');
  if (overwrite || areTokenizer(files)) await removeOtherTokenizer(out, files);
  await copySentenceFiles(folder, out, config);
  await copyCalibration(folder, out);
  if (!before) return { weights: tensors.size };
  const after = await evaluate({ ...columns, model: out, data: data! });
  const about = { name, dtype, data: data! };
  await saveCard(out, card(about, before.examples, before.metrics, after.metrics));
  return { weights: tensors.size, before: before.metrics, after: after.metrics };
}

/** The files of a tokenizer as they are, and tokenizer.json if it is not among them. */
async function tokenizerOf({ tokenizerFolder }: ModelFolder): Promise<Record<string, FileContent>> {
  const files: Record<string, FileContent> = {};
  for (const name of tokenizerFiles)
    if (await tokenizerFolder.has(name)) files[name] = await readBytes(tokenizerFolder.path(name));
  if (Object.keys(files).length === 0 || files[modelFiles.tokenizer]) return files;
  const { [modelFiles.tokenizer]: json } = (
    await BertTokenizer.fromPretrained(tokenizerFolder)
  ).files();
  return json === undefined ? files : { ...files, [modelFiles.tokenizer]: json };
}

type Metrics = Record<string, number>;

function card(
  { name, dtype, data }: { name: string; dtype: string; data: string },
  examples: number,
  before: Metrics,
  after: Metrics,
): string {
  const base = (path: string) => path.split(/[/\\]/).at(-1)!;
  const rows = Object.entries(before).map(([metric, value]) => {
    const change = after[metric] - value;
    const numbers = [value, after[metric], change].map((number) => number.toFixed(4));
    return `| ${[metric, ...numbers].join(' | ')} |`;
  });
  return `${MARK}

# ${base(name)} in ${dtype}

The weights of \`${base(name)}\`, stored in ${dtype} by wigbert. On the ${examples} examples of
\`${base(data)}\`:

| metric | before | after | change |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
