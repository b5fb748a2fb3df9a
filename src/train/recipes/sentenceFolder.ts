import type { BertModel } from '../../bert/model.ts';
import { sentenceFiles } from '../../formats/sentenceFolder.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { joinPath } from '../../platform/runtime.ts';
import { sentenceSettings } from '../tasks/similarity.ts';

/** Makes a model's folder one that sentence-transformers reads. */
export async function writeSentenceFiles(dir: string, model: BertModel): Promise<void> {
  const { hiddenSize, maxPositionEmbeddings } = model.config;
  const settings = { maxLength: maxPositionEmbeddings, ...sentenceSettings(model) };
  for (const [folder, files] of Object.entries(sentenceFiles(settings, hiddenSize)))
    await writeFiles(folder === '' ? dir : joinPath(dir, folder), files);
}
