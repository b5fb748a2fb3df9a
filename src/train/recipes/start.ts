import { checkParameterCount } from '../../bert/checkpoint/sizes.ts';
import { bertConfig, bertTiny, parseBertConfig } from '../../bert/config.ts';
import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import type { Traits } from '../../device/traits.ts';
import { modelFiles } from '../../formats/modelFiles.ts';
import { type ModelFolder, openModelFolder } from '../../formats/modelFolder.ts';
import { readWeightsIndex } from '../../formats/weightsIndex.ts';
import { isReadOnce } from '../../platform/byteSource.ts';
import { UsageError } from '../../platform/errors.ts';
import { hashFile } from '../../platform/hash.ts';
import { fileExists, readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import { defaultDevice } from '../../tensor/index.ts';
import { BertTokenizer, readVocabulary } from '../../text/tokenizer/index.ts';
import { filesOf } from '../data/severalFiles.ts';
import { checkVocab, hasSpareEmbeddings } from '../tasks/taskModel.ts';
import type { InputEventOf } from './events.ts';

/** What training starts from: a model's folder, or a vocabulary for a fresh model. */
export interface StartOptions {
  /** Hugging Face folder, or a model's name on the hub. */
  model?: string;
  /** vocab.txt of a fresh model. */
  vocab?: string;
  /** config.json of a fresh model. Default: BERT-Tiny, 2 layers × 128. */
  config?: string;
  /** True if the fresh vocabulary keeps case and accents. Default false. */
  cased?: boolean;
}

/** @throws UsageError unless exactly one of `model` and `vocab` is given. */
export function checkStart({ model, vocab, config }: StartOptions): void {
  if (!model && !vocab)
    throw new UsageError(
      'expected a start: set `model` to a folder, or `vocab` to a vocab.txt for a fresh model',
    );
  if (model && vocab)
    throw new UsageError(
      '`model` and `vocab` exclude each other: a model folder has its own vocabulary',
    );
  if (model && config)
    throw new UsageError(`\`config\` goes with \`vocab\`: ${model} has its own config`);
}

/**
 * Opens the folder of a model; fetches the model from the hub if it is not on disk. `base` is the
 * base model of an adapter, instead of the one that the adapter names.
 */
export const fetchModel = (
  name: string,
  report: (event: InputEventOf<'download'>) => void,
  base?: string,
): Promise<ModelFolder> => {
  if (name === '')
    throw new UsageError("`model`: expected a folder or a model's name on the hub, got ''");
  const onProgress = (progress: Omit<InputEventOf<'download'>, 'event' | 'model'>) =>
    report({ event: 'download', model: name, ...progress });
  return openModelFolder(name, { onProgress, base });
};

/** Tokenizer and configuration of a fresh model. */
export async function freshConfig({ vocab, config, cased }: StartOptions & { vocab: string }) {
  const tokens = await readVocabulary(vocab);
  const base = config
    ? parseBertConfig(await readJson(config), config)
    : bertConfig({ ...bertTiny, vocabSize: tokens.length });
  checkParameterCount(base);
  const modelMaxLength = base.maxPositionEmbeddings;
  const tokenizer = new BertTokenizer(tokens, { doLowerCase: !cased, modelMaxLength });
  // The vocabulary decides where the config.json is that of a model with a larger one.
  const { vocabSize } = base;
  const size = hasSpareEmbeddings(tokenizer, vocabSize) ? tokenizer.length : vocabSize;
  const fitted = { ...base, vocabSize: size, padTokenId: tokenizer.padTokenId };
  checkVocab(tokenizer, fitted, vocab);
  return { tokenizer, config: bertConfig(fitted) };
}

/** Reports the weights that a folder lacks or has without use. */
export function reportWeights(
  model: string,
  { loadReport: { missing, unexpected } }: BertPreTrainedModel,
  report: (event: InputEventOf<'weights'>) => void,
): void {
  if (missing.length + unexpected.length > 0)
    report({ event: 'weights', model, missing, unexpected });
}

/** What of a device decides how results round. */
export interface DeviceSettings {
  device: string;
  precision?: string;
}

const precisionOf = ({ subgroupMatrix, strict }: Traits): string =>
  subgroupMatrix ? 'high' : strict ? 'strict' : 'highest';

export function deviceSettings(): DeviceSettings {
  const { kind, traits } = defaultDevice();
  return { device: kind, precision: precisionOf(traits) };
}

/** @throws UsageError if the default device rounds differently from the one of the run in `dir`. */
export function checkDevice(dir: string, { device, precision }: DeviceSettings): void {
  const now = deviceSettings();
  if (device !== now.device || (precision ?? now.precision) !== now.precision)
    throw new UsageError(
      `${dir}: expected the device that the run began on, ${device} (precision ${precision}), ` +
        `got ${now.device} (${now.precision}), which rounds differently`,
    );
}

/** What a resumed run knows its data by. */
export interface FileMarks {
  /** Of each file. */
  bytes: number[];
  /** SHA-256 of each file. Runs that began before it was kept have none. */
  hashes?: string[];
}

/**
 * Marks files; what can be read once only has no mark.
 * @throws UsageError when a file cannot be read.
 */
export async function markFiles(paths: readonly string[]): Promise<Required<FileMarks>> {
  const marks = paths.map(async (path) => {
    return (await isReadOnce(path)) ? { bytes: 0, sha256: '' } : hashFile(path);
  });
  const done = await Promise.all(marks);
  return { bytes: done.map(({ bytes }) => bytes), hashes: done.map(({ sha256 }) => sha256) };
}

/** @throws UsageError if a file is not what it was when the run in `dir` began. */
export async function checkUnchanged(
  dir: string,
  paths: readonly string[],
  then: FileMarks,
): Promise<void> {
  for (const path of paths)
    if (await isReadOnce(path))
      throw new UsageError(
        `${dir} began on what can be read only once: a run resumes on files only`,
      );
  // Runs that began before the weights of a model on the hub were watched have fewer marks.
  const marked = paths.slice(0, then.bytes.length);
  const now = await markFiles(marked);
  for (const [i, path] of marked.entries()) {
    const hint = 'a run resumes on the same data only';
    if (now.bytes[i] !== then.bytes[i])
      throw new UsageError(
        `${path}: expected the ${then.bytes[i]} bytes it had when ${dir} began, ` +
          `got ${now.bytes[i]}; ${hint}`,
      );
    if (then.hashes && now.hashes[i] !== then.hashes[i])
      throw new UsageError(
        `${path}: expected the content it had when ${dir} began, got another; ${hint}`,
      );
  }
}

interface WatchedOptions {
  data: string | readonly string[];
  valid?: string;
  lora?: number;
}

/** The files that a run must find unchanged: its data, and the weights that an adapter changes. */
export async function watchedFiles(
  { data, valid, lora, model }: Pick<StartOptions, 'model'> & WatchedOptions,
  report: (event: InputEventOf<'download'>) => void = () => {},
): Promise<string[]> {
  const isAdapter = lora !== undefined && model !== undefined;
  // A name on the hub stands for a folder too.
  const adapted = isAdapter ? await weightsOf((await fetchModel(model, report)).dir) : [];
  return [...filesOf(data), ...(valid === undefined ? [] : [valid]), ...adapted];
}

/** The files of a folder's weights. */
async function weightsOf(dir: string): Promise<string[]> {
  const [weights, index] = [modelFiles.weights, modelFiles.weightsIndex].map((name) =>
    joinPath(dir, name),
  );
  if (await fileExists(weights)) return [weights];
  if (!(await fileExists(index))) return [];
  return Array.from((await readWeightsIndex(index)).keys(), (name) => joinPath(dir, name));
}
