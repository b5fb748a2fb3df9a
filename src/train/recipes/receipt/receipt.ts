/**
 * receipt.json tells what a run was made of: hashes of its data, vocabulary and weights, its
 * options, and the engine. `verifyRun` computes steps again and compares.
 */
import * as v from 'valibot';
import type { BertConfig } from '../../../bert/config.ts';
import { version as engineVersion } from '../../../device/tuning/tuningFile.ts';
import { modelFiles, tokenizerFiles } from '../../../formats/modelFiles.ts';
import { parseSchema } from '../../../formats/parseSchema.ts';
import { sentenceFileNames } from '../../../formats/sentenceFolder.ts';
import { writeFiles } from '../../../platform/atomicWrite.ts';
import { UsageError } from '../../../platform/errors.ts';
import { hashFile, hashJson } from '../../../platform/hash.ts';
import { fileExists, readJson } from '../../../platform/readFiles.ts';
import { joinPath } from '../../../platform/runtime.ts';
import { defaultDevice } from '../../../tensor/index.ts';
import type { BertTokenizer } from '../../../text/tokenizer/index.ts';
import type { StepHash } from '../../trainer/weightsHash.ts';
import { CALIBRATION } from '../calibrationFile.ts';
import type { DeviceSettings, FileMarks } from '../start.ts';

export const RECEIPT = 'receipt.json';

const step = v.pipe(v.number(), v.integer(), v.minValue(0));
const receiptSchema: v.GenericSchema<unknown, Receipt> = v.object({
  kind: v.picklist(['fine-tuning', 'pre-training']),
  engine: v.object({
    version: v.string(),
    device: v.string(),
    precision: v.optional(v.string()),
    adapter: v.string(),
  }),
  files: v.array(v.object({ path: v.string(), bytes: v.number(), sha256: v.string() })),
  vocabulary: v.string(),
  config: v.record(v.string(), v.unknown()),
  options: v.record(v.string(), v.unknown()),
  weights: v.array(v.object({ step, sha256: v.string() })),
  model: v.optional(
    v.object({
      file: v.string(),
      sha256: v.string(),
      files: v.optional(v.array(v.object({ name: v.string(), sha256: v.string() }))),
    }),
  ),
  sha256: v.string(),
});

/** What receipt.json holds. */
export interface Receipt {
  kind: 'fine-tuning' | 'pre-training';
  /** The adapter or processor is told too: another one may round differently. */
  engine: { version: string; device: string; precision?: string; adapter: string };
  /** The data, and the base model's weights where they are not trained. */
  files: { path: string; bytes: number; sha256: string }[];
  /** SHA-256 of the tokenizer's files. */
  vocabulary: string;
  /** The model's configuration. */
  config: Record<string, unknown>;
  options: Record<string, unknown>;
  /** SHA-256 of the weights after steps. */
  weights: { step: number; sha256: string }[];
  /**
   * The file of the model that the run leaves, and what is beside it: its configuration and its
   * tokenizer. Runs that ended before these were kept have none.
   */
  model?: { file: string; sha256: string; files?: { name: string; sha256: string }[] };
  /** SHA-256 of all of the above. */
  sha256: string;
}

/** What a receipt is written from. */
export interface Receipted {
  kind: Receipt['kind'];
  /** Settings as checkpoints keep them. */
  kept: object;
  /** Whose marks `kept` has. */
  paths: readonly string[];
  tokenizer: BertTokenizer;
  config: BertConfig;
  hashes?: readonly StepHash[];
  model?: Receipt['model'];
}

/** Writes what a run was made of into its folder. */
export async function writeReceipt(
  dir: string,
  { kind, kept, paths, tokenizer, config, hashes = [], model }: Receipted,
): Promise<void> {
  const { bytes, hashes: sums, device, precision, version } = kept as Kept;
  const receipt: Omit<Receipt, 'sha256'> = plain({
    kind,
    engine: {
      ...{ version: version ?? engineVersion, device, precision },
      adapter: defaultDevice().description,
    },
    files: paths
      .slice(0, bytes.length)
      .map((path, i) => ({ path, bytes: bytes[i], sha256: sums?.[i] ?? '' })),
    vocabulary: await vocabularyHash(tokenizer, config),
    config: { ...config },
    options: optionsOf(kept),
    weights: [...hashes],
    model: model && { ...model, files: await hashModelFiles(dir) },
  });
  const signed = { ...receipt, sha256: await hashJson(receipt) };
  await writeFiles(dir, { [RECEIPT]: `${JSON.stringify(signed, undefined, 1)}\n` });
}

type Kept = FileMarks & DeviceSettings & { version?: string };

/** As JSON keeps it. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

/** What of a run's settings was asked for. */
export function optionsOf(kept: object): Record<string, unknown> {
  const { bytes, hashes, device, precision, version, command, ...options } = kept as Kept & {
    command?: string;
  };
  return plain(options);
}

/** Files that say what a model's weights mean. */
const describing = [
  ...[modelFiles.config, modelFiles.adapterConfig, ...tokenizerFiles],
  ...sentenceFileNames,
  CALIBRATION,
];

/** SHA-256 of the files beside a model's weights; of those that are not there, nothing. */
export async function hashModelFiles(dir: string): Promise<{ name: string; sha256: string }[]> {
  const found: { name: string; sha256: string }[] = [];
  for (const name of describing) {
    const path = joinPath(dir, name);
    if (await fileExists(path)) found.push({ name, sha256: (await hashFile(path)).sha256 });
  }
  return found;
}

/** SHA-256 of the files of a model's tokenizer. */
export const vocabularyHash = (
  tokenizer: BertTokenizer,
  { maxPositionEmbeddings: modelMaxLength }: { maxPositionEmbeddings: number },
): Promise<string> => hashJson(tokenizer.files({ modelMaxLength }));

/**
 * The receipt of a run.
 * @returns also whether it is as it was written.
 * @throws UsageError if the folder has none, or it is broken.
 */
export async function readReceipt(dir: string): Promise<{ receipt: Receipt; isIntact: boolean }> {
  const path = joinPath(dir, RECEIPT);
  if (!(await fileExists(path)))
    throw new UsageError(
      `${dir} has no ${RECEIPT}: expected the folder of a run that has ended or was stopped`,
    );
  const json = await readJson(path);
  const receipt = parseSchema(receiptSchema, json, path, 'the receipt of a run');
  const { sha256, ...rest } = json as Receipt;
  return { receipt, isIntact: sha256 === (await hashJson(rest)) };
}
