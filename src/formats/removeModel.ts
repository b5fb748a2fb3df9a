import { removeFile } from '../platform/checkedFolder.ts';
import { joinPath } from '../platform/runtime.ts';
import { modelFiles } from './modelFiles.ts';

/** Files that make a folder that of a whole model, or of an adapter. */
const filesOf = {
  model: [modelFiles.weights, modelFiles.weightsIndex],
  adapter: [modelFiles.adapterConfig, modelFiles.adapterWeights],
};

/** Removes what a folder, to which a model of another kind was saved, holds of an older one. */
export async function removeModel(dir: string, kind: 'model' | 'adapter'): Promise<void> {
  for (const name of filesOf[kind]) await removeFile(joinPath(dir, name));
}
