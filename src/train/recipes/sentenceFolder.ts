import type { BertConfig } from '../../bert/config.ts';
import type { BertModel } from '../../bert/model.ts';
import { findArchitecture, taskHeads } from '../../bert/registry.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import {
  readSentenceSettings,
  type SentenceSettings,
  sentenceFileNames,
  sentenceFiles,
  sentenceSettingsOf,
} from '../../formats/sentenceFolder.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { removeFile } from '../../platform/checkedFolder.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { defaultMaxLength } from '../data/batch.ts';
import { sentenceSettings } from '../tasks/similarity.ts';
import type { TaskModel } from '../tasks/taskModel.ts';

/**
 * The most tokens of a text that a model is to read: as many as its folder says, as its vectors are
 * made, else as its tokenizer takes; never more than it has positions.
 */
export function longestText(model: TaskModel, tokenizer: BertTokenizer): number {
  const { maxLength } = sentenceSettings(model as BertModel);
  return defaultMaxLength(model.config, tokenizer, maxLength);
}

/** The files that make a model's folder one that sentence-transformers reads, by their paths. */
export function sentenceContents(model: BertModel): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [folder, files] of Object.entries(filesOf(model)))
    for (const [name, text] of Object.entries(files))
      texts[folder === '' ? name : `${folder}/${name}`] = text;
  return texts;
}

/** Makes a model's folder one that sentence-transformers reads. */
export const writeSentenceFiles = (dir: string, model: BertModel): Promise<void> =>
  writeFolders(dir, filesOf(model));

function filesOf(model: BertModel): SentenceFiles {
  const { hiddenSize, maxPositionEmbeddings: maxLength } = model.config;
  return sentenceFiles({ maxLength, ...sentenceSettings(model) }, hiddenSize);
}

/**
 * What is said of the vectors of a model that another folder is made of. A head makes none: what
 * the base model of its adapter says is not of it.
 */
export async function settingsToCopy(folder: ModelFolder): Promise<SentenceSettings | undefined> {
  const isEncoder = findArchitecture(await folder.architecture())?.head === taskHeads.similarity;
  return isEncoder ? sentenceSettingsOf(folder) : readSentenceSettings(folder.dir);
}

/** The same as in the folder of the model that it is made of: nothing if that is no such folder. */
export async function copySentenceFiles(
  folder: ModelFolder,
  out: string,
  config: BertConfig,
): Promise<void> {
  await saveSettings(out, await settingsToCopy(folder), config);
}

/** Has a folder say of a model's vectors what `settings` say: nothing if there are none. */
export async function saveSettings(
  dir: string,
  settings: SentenceSettings | undefined,
  { hiddenSize }: BertConfig,
): Promise<void> {
  if (settings) await writeFolders(dir, sentenceFiles(settings, hiddenSize));
  else for (const name of sentenceFileNames) await removeFile(joinPath(dir, name));
}

type SentenceFiles = ReturnType<typeof sentenceFiles>;

async function writeFolders(dir: string, folders: SentenceFiles): Promise<void> {
  for (const [folder, files] of Object.entries(folders))
    await writeFiles(folder === '' ? dir : joinPath(dir, folder), files);
}
