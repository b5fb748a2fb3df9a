import type { BertConfig } from '../../bert/config.ts';
import type { BertModel } from '../../bert/model.ts';
import { type SentenceSettings, sentenceFiles } from '../../formats/sentenceFolder.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { joinPath } from '../../platform/runtime.ts';
import { sentenceSettings } from '../tasks/similarity.ts';

/** Makes a model's folder one that sentence-transformers reads. */
export const writeSentenceFiles = (dir: string, model: BertModel): Promise<void> =>
  writeSettings(dir, sentenceSettings(model), model.config);

/** The same by the settings of another folder. */
export async function writeSettings(
  dir: string,
  settings: SentenceSettings,
  { hiddenSize, maxPositionEmbeddings }: BertConfig,
): Promise<void> {
  const known = { maxLength: maxPositionEmbeddings, ...settings };
  for (const [folder, files] of Object.entries(sentenceFiles(known, hiddenSize)))
    await writeFiles(folder === '' ? dir : joinPath(dir, folder), files);
}
