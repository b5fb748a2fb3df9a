import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import { modelFiles } from '../../formats/modelFiles.ts';
import { UsageError } from '../../platform/errors.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import { copyCalibration } from './calibrationFile.ts';
import { removeEarlierResults } from './earlierResults.ts';
import type { InputEventOf, RecipeCallbacks } from './events.ts';
import { checkNoModel, checkOtherFolder } from './outFolder.ts';
import { copySentenceFiles } from './sentenceFolder.ts';
import { fetchModel } from './start.ts';
import { loadWholeModel } from './wholeModel.ts';

/** Options of `mergeAdapter`. */
export interface MergeAdapterOptions {
  /** Folder of an adapter, PEFT's or ours. */
  model: string;
  /** Folder or name of its base model. Default: the one that the adapter names. */
  base?: string;
  /** Folder for the merged model; not that of the adapter or of its base model. */
  out: string;
  /** Replaces the model that `out` holds. Default: such a folder is refused. */
  overwrite?: boolean;
}

/**
 * Adds an adapter to the weights of its base model, on the default device, and saves the whole
 * model with its tokenizer (PEFT's `merge_and_unload` and `save_pretrained`).
 * @throws UsageError if the folder has no adapter, or it cannot be read, or `out` is its folder or
 * that of its base model, or holds another model.
 * @example
 * await mergeAdapter({ model: 'out/adapter', out: 'out/merged' });
 */
export async function mergeAdapter(
  { model: name, base, out, overwrite }: MergeAdapterOptions,
  { onEvent: report = () => {} }: RecipeCallbacks<InputEventOf<'download'>> = {},
): Promise<{ model: BertPreTrainedModel; base: string; out: string }> {
  await checkNoModel({ out, overwrite });
  const folder = await fetchModel(name, report, base);
  if (!folder.adapter)
    throw new UsageError(
      `${name} has no ${modelFiles.adapterConfig}: expected an adapter, to merge it into its model`,
    );
  await checkOtherFolder(out, folder);
  const model = await loadWholeModel(folder);
  const tokenizer = await BertTokenizer.fromPretrained(folder);
  const modelMaxLength = model.config.maxPositionEmbeddings;
  await removeEarlierResults(out);
  await model.savePretrained(out, tokenizer.files({ modelMaxLength }));
  await copySentenceFiles(folder, out, model.config);
  await copyCalibration(folder, out);
  return { model, base: folder.adapter.base.name, out };
}
