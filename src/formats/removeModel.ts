import { removeFile } from '../platform/checkedFolder.ts';
import { joinPath } from '../platform/runtime.ts';
import { modelFiles, tokenizerFiles } from './modelFiles.ts';

/** Files that make a folder that of a whole model, or of an adapter. */
const filesOf = {
  model: [modelFiles.weights, modelFiles.weightsIndex],
  adapter: [modelFiles.adapterConfig, modelFiles.adapterWeights],
};

/** Removes what a folder, to which a model of another kind was saved, holds of an older one. */
export async function removeModel(dir: string, kind: 'model' | 'adapter'): Promise<void> {
  for (const name of filesOf[kind]) await removeFile(joinPath(dir, name));
}

type Files = Readonly<Record<string, unknown>>;

/** Whether files, by name, are those of a tokenizer. */
export const areTokenizer = (files: Files): boolean =>
  [modelFiles.vocab, modelFiles.tokenizer].some((name) => Object.hasOwn(files, name));

/**
 * Removes the files of an older tokenizer from a folder to which another one was saved: beside the
 * new ones they would be read too.
 * @param written what was saved, by name
 */
export async function removeOtherTokenizer(dir: string, written: Files): Promise<void> {
  for (const name of tokenizerFiles)
    if (!Object.hasOwn(written, name)) await removeFile(joinPath(dir, name));
}
