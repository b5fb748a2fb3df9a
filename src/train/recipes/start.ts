import { checkParameterCount } from '../../bert/checkpoint/sizes.ts';
import { bertConfig, bertTiny, parseBertConfig } from '../../bert/config.ts';
import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import { type ModelFolder, openModelFolder } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { openRandomAccess, readJson, readText } from '../../platform/readFiles.ts';
import { defaultDevice } from '../../tensor/index.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
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

/** Opens the folder of a model; fetches the model from the hub if it is not on disk. */
export const fetchModel = (
  name: string,
  report: (event: InputEventOf<'download'>) => void,
): Promise<ModelFolder> => {
  if (name === '')
    throw new UsageError("`model`: expected a folder or a model's name on the hub, got ''");
  const onProgress = (progress: Omit<InputEventOf<'download'>, 'event' | 'model'>) =>
    report({ event: 'download', model: name, ...progress });
  return openModelFolder(name, { onProgress });
};

/** Tokenizer and configuration of a fresh model. */
export async function freshConfig({ vocab, config, cased }: StartOptions & { vocab: string }) {
  const tokenizer = new BertTokenizer(await readText(vocab), { doLowerCase: !cased });
  const base = config
    ? parseBertConfig(await readJson(config), config)
    : bertConfig({ ...bertTiny, vocabSize: tokenizer.vocabSize });
  checkParameterCount(base);
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

/** Share of unknown pieces above which a vocabulary does not fit. */
const MAX_UNKNOWN = 0.2;

/** Reports a vocabulary that knows too few of the pieces of the texts. */
export function reportUnknownPieces(
  path: string,
  texts: readonly (readonly number[])[],
  { unkTokenId, clsTokenId, sepTokenId }: BertTokenizer,
  report: (event: InputEventOf<'unknownPieces'>) => void,
): void {
  let [pieces, unknown] = [0, 0];
  for (const ids of texts) {
    for (const id of ids) {
      if (id !== clsTokenId && id !== sepTokenId) pieces++;
      if (id === unkTokenId) unknown++;
    }
  }
  if (unknown > MAX_UNKNOWN * pieces)
    report({ event: 'unknownPieces', path, share: unknown / pieces });
}

/** What of a device decides how results round. */
export interface DeviceSettings {
  device: string;
  precision?: string;
}

export function deviceSettings(): DeviceSettings {
  const { kind, traits } = defaultDevice();
  return { device: kind, precision: traits.subgroupMatrix ? 'high' : 'highest' };
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

/** Bytes of each file, by which a resumed run knows its data again. */
export const fileSizes = (paths: readonly string[]): Promise<number[]> =>
  Promise.all(paths.map(async (path) => (await openRandomAccess(path)).size));

/** @throws UsageError if a file is not as long as it was when the run in `dir` began. */
export function checkSizes(
  dir: string,
  paths: readonly string[],
  now: readonly number[],
  then: readonly number[],
): void {
  const changed = paths.findIndex((_, i) => now[i] !== then[i]);
  if (changed >= 0)
    throw new UsageError(
      `${paths[changed]}: expected the ${then[changed]} bytes it had when ${dir} began, ` +
        `got ${now[changed]}; a run resumes on the same data only`,
    );
}
