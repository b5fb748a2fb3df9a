import { modelFiles } from '../../formats/modelFiles.ts';
import { type ModelFolder, type ModelSource, openModelFolder } from '../../formats/modelFolder.ts';
import { findOtherWeights } from '../../formats/otherWeights.ts';
import { readWeightsIndex } from '../../formats/weightsIndex.ts';
import { UsageError } from '../../platform/errors.ts';
import { type BertConfig, labelFields, parseBertConfig } from '../config.ts';
import { mergeAdapter, readAdapter } from './adapter/read.ts';
import { addWeightsFromFile, type Weight } from './weights.ts';

export { addWeightsFromFile, type Weight };

/**
 * A model folder. Weights have their current names (`canonicalName`). Each access to `data` reads
 * the file, so that memory need not hold more than one weight.
 */
export interface Checkpoint {
  config: BertConfig;
  tensors: Map<string, Weight>;
}

/**
 * The configuration of a folder.
 * @throws UsageError as `parseBertConfig`, or when config.json is missing.
 */
export async function readBertConfig(folder: ModelFolder): Promise<BertConfig> {
  return parseBertConfig(await folder.config(), folder.path(modelFiles.config), true);
}

/**
 * Reads a Hugging Face folder: config.json, and model.safetensors whole or in the files its index
 * names. All headers are checked before any weight is read. F64, F16 and BF16 weights become
 * float32; `position_ids`, a buffer of old versions, is left out. An adapter's folder has the
 * weights of its base model, with the adapter's changes.
 * @throws UsageError when a file is missing, is broken, or could run code (pickles).
 */
export async function readCheckpoint(source: ModelSource): Promise<Checkpoint> {
  const folder = await openModelFolder(source);
  const config = await readBertConfig(folder);
  const { adapter } = folder;
  if (!adapter) return { config, tensors: await readWeights(folder) };
  const changes = await readAdapter(folder);
  const weights = await readWeights(adapter.base);
  // Another head's weights are of no use to this one.
  if ((await folder.architecture()) !== (await adapter.base.architecture()))
    for (const name of weights.keys()) if (name.startsWith('cls.')) weights.delete(name);
  const tensors = mergeAdapter(weights, changes, {
    adapter: folder.name,
    base: adapter.base.name,
  });
  return { config: adapter.hasConfig ? config : withLabelsOf(tensors, config), tensors };
}

/** Labels for a head that has others than the base model: PEFT does not save their names. */
function withLabelsOf(tensors: ReadonlyMap<string, Weight>, config: BertConfig): BertConfig {
  const outputs = tensors.get('classifier.weight')?.shape[0] ?? config.numLabels;
  if (outputs === config.numLabels) return config;
  return { ...config, ...labelFields(Array.from({ length: outputs }, (_, i) => `LABEL_${i}`)) };
}

/** The weights of a folder that is no adapter's. */
async function readWeights(folder: ModelFolder): Promise<Map<string, Weight>> {
  const { dir } = folder;
  const tensors = new Map<string, Weight>();
  if (await folder.has(modelFiles.weights)) {
    await addWeightsFromFile(tensors, dir, modelFiles.weights);
  } else if (await folder.has(modelFiles.weightsIndex)) {
    const parts = await readWeightsIndex(folder.path(modelFiles.weightsIndex));
    for (const part of parts.keys())
      if (!(await folder.has(part)))
        throw new UsageError(
          `${dir} has no ${part}, which its ${modelFiles.weightsIndex} names: ` +
            'download the folder again',
        );
    for (const [part, expected] of parts) await addWeightsFromFile(tensors, dir, part, expected);
  } else {
    const other = findOtherWeights((await folder.names()) ?? []);
    if (other)
      throw new UsageError(
        `${dir} has no ${modelFiles.weights}, only ${other.description}: ${other.advice}`,
      );
    await folder.require(modelFiles.weights);
  }
  return tensors;
}
