import type { BertConfig } from '../../bert/config.ts';
import type { BertModel } from '../../bert/model.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import {
  type SentenceSettings,
  sentenceFiles,
  sentenceSettingsOf,
} from '../../formats/sentenceFolder.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { defaultMaxLength } from '../data/batch.ts';
import { sentenceSettings } from '../tasks/similarity.ts';
import type { TaskModel } from '../tasks/taskModel.ts';

/**
 * The most tokens of a text that a model is to read: those that it takes, or fewer if its folder
 * says so, as its vectors are made.
 */
export function longestText(model: TaskModel, tokenizer: BertTokenizer): number {
  const longest = defaultMaxLength(model.config, tokenizer);
  const { maxLength = longest } = sentenceSettings(model as BertModel);
  return Math.min(longest, maxLength);
}

/** Makes a model's folder one that sentence-transformers reads. */
export const writeSentenceFiles = (dir: string, model: BertModel): Promise<void> =>
  writeSettings(dir, sentenceSettings(model), model.config);

/** The same as in the folder of the model that it is made of, if that is such a folder. */
export async function copySentenceFiles(
  folder: ModelFolder,
  out: string,
  config: BertConfig,
): Promise<void> {
  const settings = await sentenceSettingsOf(folder);
  if (settings) await writeSettings(out, settings, config);
}

async function writeSettings(
  dir: string,
  settings: SentenceSettings,
  { hiddenSize, maxPositionEmbeddings }: BertConfig,
): Promise<void> {
  const known = { maxLength: maxPositionEmbeddings, ...settings };
  for (const [folder, files] of Object.entries(sentenceFiles(known, hiddenSize)))
    await writeFiles(folder === '' ? dir : joinPath(dir, folder), files);
}
