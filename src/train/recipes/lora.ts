import { readCheckpoint } from '../../bert/checkpoint/read.ts';
import { getPeftModel } from '../../bert/layers/lora/getPeftModel.ts';
import type { PeftModel } from '../../bert/layers/lora/peftModel.ts';
import { BertModel } from '../../bert/model.ts';
import { modelFiles } from '../../formats/modelFiles.ts';
import { type ModelFolder, openModelFolder } from '../../formats/modelFolder.ts';
import { removeModel } from '../../formats/removeModel.ts';
import type { FileContent } from '../../platform/atomicWrite.ts';
import { UsageError } from '../../platform/errors.ts';
import type { TaskModel } from '../tasks/taskModel.ts';
import { sentenceContents, writeSentenceFiles } from './sentenceFolder.ts';

/** Training of an adapter instead of the whole model (LoRA, Hu et al. 2021, arXiv 2106.09685). */
export interface LoraOptions {
  /** Rank of the adapter; its presence asks for one. Default: the whole model is trained. */
  lora?: number;
  /** The adapter's part is scaled by this, divided by the rank. Default 8. */
  loraAlpha?: number;
  /** Dropout on the adapter's input. Default 0. */
  loraDropout?: number;
  /** Linear layers to adapt, by the ends of their names, or 'all-linear'. Default: query, value. */
  loraTarget?: readonly string[] | 'all-linear';
}

/** Fields of PEFT's configuration, and what they are called here. */
const names: Readonly<Record<string, keyof LoraOptions>> = {
  r: 'lora',
  targetModules: 'loraTarget',
};

/** @throws UsageError if options of an adapter do not go with the others. */
export function checkLora(
  options: LoraOptions & { model?: string; freeze?: number | 'all' },
): void {
  const { lora, model, freeze } = options;
  for (const field of ['loraAlpha', 'loraDropout', 'loraTarget'] as const)
    if (lora === undefined && options[field] !== undefined)
      throw new UsageError(`\`${field}\` goes with \`lora\`, the rank of an adapter`);
  if (lora === undefined) return;
  if (model === undefined)
    throw new UsageError('`lora` goes with `model`: an adapter needs a model that is trained');
  if (freeze !== undefined)
    throw new UsageError('`lora` and `freeze` exclude each other: with an adapter, all is frozen');
}

/** @throws UsageError if a folder has an adapter: others are made for whole models. */
export function checkWhole({ name, adapter }: ModelFolder): void {
  if (adapter)
    throw new UsageError(
      `\`lora\`: expected a whole model to adapt, got ${name}, an adapter of ` +
        `${adapter.base.name}: merge it into its base model first`,
    );
}

/**
 * Puts an adapter on a model: that of a checkpoint, or a new one.
 * @throws UsageError if an option is out of range, or names no linear layer.
 */
export async function addLora(
  model: TaskModel,
  { lora, loraAlpha, loraDropout, loraTarget, seed }: LoraOptions & { seed: number },
  checkpoint?: ModelFolder,
): Promise<PeftModel<TaskModel>> {
  const config = { r: lora, loraAlpha, loraDropout, targetModules: loraTarget };
  try {
    const peft = getPeftModel(model, config, { seed });
    if (checkpoint) await peft.loadWeights(checkpoint);
    return peft;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const message = error.message.replace(/`(\w+)`/g, (text, field) =>
      names[field] ? `\`${names[field]}\`` : text,
    );
    throw new UsageError(message);
  }
}

/** What a run trains and saves: a whole model, or an adapter. */
export interface TrainedPart {
  /** The name of the file with its weights. */
  readonly weightsFile: string;
  /** The files of its folder, by their paths, without the tokenizer's. */
  fileContents(): Record<string, FileContent>;
  /** Writes a folder that `predict` reads; a model of the other kind there goes. */
  save(dir: string, tokenizerFiles: Record<string, FileContent>): Promise<void>;
  /** Reads the weights that `save` wrote. */
  load(dir: string): Promise<void>;
}

/** @param base the base model of `peft` */
export const trainedPart = (
  model: TaskModel,
  peft: PeftModel<TaskModel> | undefined,
  base?: string,
): TrainedPart => ({
  weightsFile: peft ? modelFiles.adapterWeights : modelFiles.weights,
  fileContents: () => ({
    ...(peft ?? model).fileContents(),
    ...(model instanceof BertModel && sentenceContents(model)),
  }),
  async save(dir, tokenizerFiles) {
    await (peft ?? model).savePretrained(dir, tokenizerFiles);
    if (model instanceof BertModel) await writeSentenceFiles(dir, model);
    if (peft) await removeModel(dir, 'model');
  },
  async load(dir) {
    if (peft) await peft.loadWeights(await openModelFolder(dir, { base }));
    else model.loadWeights((await readCheckpoint(dir)).tensors, dir);
  },
});
