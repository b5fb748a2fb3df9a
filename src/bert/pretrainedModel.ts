import { type ModelFolder, type ModelSource, openModelFolder } from '../formats/modelFolder.ts';
import { areTokenizer, removeModel, removeOtherTokenizer } from '../formats/removeModel.ts';
import { Embedding, init, LayerNorm, Linear, LSTM, Module } from '../nn/index.ts';
import { type FileContent, writeFiles } from '../platform/atomicWrite.ts';
import { UsageError } from '../platform/errors.ts';
import { formatNames, formatValue } from '../platform/format.ts';
import { absolutePath } from '../platform/samePath.ts';
import type { Tensor } from '../tensor/index.ts';
import { Philox } from '../tensor/random.ts';
import { drawLstm } from './baselines/drawLstm.ts';
import { matchNames } from './checkpoint/names.ts';
import {
  changedConfig,
  checkPretrainedOptions,
  checkSaveOptions,
  type PretrainedOptions,
  type SaveOptions,
} from './checkpoint/pretrainedOptions.ts';
import { type Checkpoint, readCheckpoint, type Weight } from './checkpoint/read.ts';
import { checkParameterCount, checkSizes } from './checkpoint/sizes.ts';
import { checkpointFiles, contentBytes } from './checkpoint/write.ts';
import type { BertConfig } from './config.ts';
import { BertEncoder } from './layers/encoder.ts';

export type { PretrainedOptions, SaveOptions };

/** How the weights of a folder match a model. */
export interface LoadReport {
  /** Weights that the folder lacks; they are drawn at random. */
  missing: string[];
  /** Weights of the folder that the model does not use. */
  unexpected: string[];
}

/** The parts that `freezeEncoder` freezes. */
export interface FreezableParts {
  embeddings: Module;
  /** Layers of each encoder, from the lowest. */
  encoders: readonly (readonly Module[])[];
}

/** Static side of a model class. */
interface LoadableClass<M> {
  new (config: BertConfig): M;
  readonly architecture: string;
  readonly isDecoder: boolean | undefined;
  checkFolder(checkpoint: Checkpoint, source: string): void;
}

/** A class of models that can be loaded or made fresh. */
export interface ModelClass<M> extends LoadableClass<M> {
  fromPretrained(source: ModelSource, options?: PretrainedOptions): Promise<M>;
  fromConfig(config: BertConfig, seed?: number): M;
}

/**
 * Base of all models: configuration, Hugging Face folders, fresh weights.
 * @example
 * const model = await BertModel.fromPretrained('path/to/folder'); // a static method of each model
 * console.log(model.loadReport.missing);
 * await model.savePretrained('out/copy');
 */
export abstract class BertPreTrainedModel extends Module {
  /**
   * Name of the class in `architectures` of config.json. Not the class's own name, since minifiers
   * change that; a subclass without one of its own is saved under its parent's.
   */
  static readonly architecture: string = '';
  /** Required `isDecoder` of the configuration; undefined: any. */
  static readonly isDecoder: boolean | undefined = false;
  readonly config: BertConfig;
  /** Weights that the folder lacked or that are unused; empty for a fresh model. */
  loadReport: LoadReport = { missing: [], unexpected: [] };
  /** Absolute path of the folder that it was read from, or its name on the hub. */
  nameOrPath?: string;

  constructor(config: BertConfig) {
    super();
    checkIsDecoder(this.constructor as typeof BertPreTrainedModel, config);
    checkParameterCount(config);
    this.config = config;
  }

  /** The class's `architecture`. */
  get architecture(): string {
    return (this.constructor as typeof BertPreTrainedModel).architecture;
  }

  /** A model with a head has the parts of its encoder, in the field `bert`. */
  get freezableParts(): FreezableParts {
    return (this as unknown as { bert: BertPreTrainedModel }).bert.freezableParts;
  }

  /**
   * Saves memory in training: backward runs the layers of encoders again instead of keeping what
   * they computed (Hugging Face's `gradient_checkpointing_enable`). Losses and gradients are the
   * same, bit for bit; a step takes about a third longer.
   */
  gradientCheckpointingEnable(): void {
    for (const encoder of this.#encoders()) encoder.gradientCheckpointing = true;
  }

  /** Undoes `gradientCheckpointingEnable`. */
  gradientCheckpointingDisable(): void {
    for (const encoder of this.#encoders()) encoder.gradientCheckpointing = false;
  }

  #encoders(): BertEncoder[] {
    return [...this.modules()].filter((module) => module instanceof BertEncoder);
  }

  /** Refuses a folder whose weights cannot be those of this class. */
  static checkFolder(checkpoint: Checkpoint, source: string): void {
    checkSizes(checkpoint, source);
  }

  /** A fresh model; equal seeds give equal weights. */
  static fromConfig<M extends BertPreTrainedModel>(
    this: new (
      config: BertConfig,
    ) => M,
    config: BertConfig,
    seed = 0,
  ): M {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on
    return buildUninitialized(this, config).initWeights(seed);
  }

  /**
   * Reads a Hugging Face folder, by path, name on the hub (`findModel`) or opened already
   * (`openModelFolder`), for evaluation. The folder may have another head: `loadReport` says which
   * weights are missing, and thus random, and which are not used.
   * @throws UsageError when the folder holds no BERT encoder, or one of other sizes than its
   * config.json says; for an unknown option, or `labels` without any.
   */
  static async fromPretrained<M extends BertPreTrainedModel>(
    this: LoadableClass<M>,
    source: ModelSource,
    options: PretrainedOptions = {},
  ): Promise<M> {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on
    return loadPretrained(this, await openModelFolder(source), options);
  }

  /**
   * Draws fresh weights as Hugging Face does: N(0, initializerRange), biases 0, LayerNorm 1 and 0,
   * the padding row 0. An LSTM starts as PyTorch's, uniform within ±1/√hiddenSize, but with biases
   * of 0 and of 1 for the forget gate (Jozefowicz et al. 2015), as ELMo's. With `only`, in the
   * layers that have one of these parameters.
   */
  initWeights(seed = 0, only?: ReadonlySet<Tensor>): this {
    const random = new Philox(seed);
    const std = this.config.initializerRange;
    for (const module of this.modules()) {
      if (only && !module.parameters().some((parameter) => only.has(parameter))) continue;
      if (module instanceof Linear) {
        init.normal_(module.weight, 0, std, random);
        if (module.bias) init.constant_(module.bias, 0);
      } else if (module instanceof Embedding) {
        init.normal_(module.weight, 0, std, random);
        module.zeroPaddingRow();
      } else if (module instanceof LayerNorm) {
        init.constant_(module.weight, 1);
        init.constant_(module.bias, 0);
      } else if (module instanceof LSTM) drawLstm(module, random);
    }
    return this;
  }

  /**
   * Writes a folder that Hugging Face's `from_pretrained` loads, with `extraFiles` such as the
   * tokenizer's, in place of an adapter or another tokenizer there. After a crash the folder is the
   * old one or the new one. Weights are fetched one by one: wait for the end before you train on.
   * @throws UsageError when the folder cannot be written to, for an unknown option, or naming a
   * weight that is NaN or too large for float16.
   */
  async savePretrained(
    dir: string,
    extraFiles: Record<string, FileContent> = {},
    options: SaveOptions = {},
  ): Promise<void> {
    await writeFiles(dir, this.fileContents(extraFiles, options));
    // Beside one, these weights would be taken for those that it changes.
    await removeModel(dir, 'adapter');
    if (areTokenizer(extraFiles)) await removeOtherTokenizer(dir, extraFiles);
  }

  /**
   * The files of the folder that `savePretrained` writes, for programs that cannot write one, such
   * as pages: bytes by name.
   * @param extraFiles such as `tokenizer.files()`
   * @throws UsageError naming a weight that is NaN or too large for float16.
   * @example
   * for (const [name, bytes] of Object.entries(await model.files(tokenizer.files())))
   *   await fetch(`/models/mine/${name}`, { method: 'PUT', body: bytes });
   */
  async files(
    extraFiles: Record<string, FileContent> = {},
    options: SaveOptions = {},
  ): Promise<Record<string, Uint8Array>> {
    const files: Record<string, Uint8Array> = {};
    for (const [name, content] of Object.entries(this.fileContents(extraFiles, options)))
      files[name] = await contentBytes(content);
    return files;
  }

  /** `files`, whose weights are fetched while they are read. */
  fileContents(
    extraFiles: Record<string, FileContent> = {},
    options: SaveOptions = {},
  ): Record<string, FileContent> {
    checkSaveOptions(extraFiles, options);
    const weights = Array.from(this.stateDict(), ([name, parameter]) => {
      const data = () => parameter.data() as Promise<Float32Array>;
      return [name, { shape: parameter.shape, data }] as const;
    });
    const architectures = this.architecture === '' ? [] : [this.architecture];
    return checkpointFiles(this.config, architectures, weights, extraFiles, options.torchDtype);
  }

  /**
   * Copies weights from a checkpoint. Weights that it lacks keep their values.
   * @throws UsageError naming weights whose shape differs.
   */
  loadWeights(tensors: ReadonlyMap<string, Weight>, source: string): LoadReport {
    const own = this.stateDict();
    const { mapping, missing, unexpected } = matchNames(own.keys(), tensors.keys());
    const mismatched = [...mapping].filter(
      ([name, found]) => own.get(name)!.shape.join() !== tensors.get(found)!.shape.join(),
    );
    if (mismatched.length > 0) {
      const list = mismatched.map(([name, found]) => {
        const { shape } = tensors.get(found)!;
        return `${found}: expected ${formatValue(own.get(name)!.shape)}, got ${formatValue(shape)}`;
      });
      const hint = mismatched.every(([name]) => name.startsWith('classifier.'))
        ? `; id2label in its config.json names ${this.config.numLabels} labels, a row for each ` +
          'is expected; give `labels` to draw a new classifier'
        : '';
      throw new UsageError(`${source}: weights of another shape: ${formatNames(list)}${hint}`);
    }
    for (const [name, found] of mapping) own.get(name)!.copy_(tensors.get(found)!.data);
    return { missing, unexpected };
  }
}

async function loadPretrained<M extends BertPreTrainedModel>(
  Model: LoadableClass<M>,
  folder: ModelFolder,
  options: PretrainedOptions,
): Promise<M> {
  checkPretrainedOptions(options);
  const { config: saved, tensors } = await readCheckpoint(folder);
  const { config, hasNewLabels } = changedConfig(saved, options);
  checkIsDecoder(Model, config, folder.name);
  Model.checkFolder({ config, tensors }, folder.name);
  const model = buildUninitialized(Model, config).eval();
  const own = model.stateDict();
  for (const name of hasNewLabels ? ['classifier.weight', 'classifier.bias'] : [])
    if (own.has(name) && tensors.get(name)?.shape[0] !== own.get(name)!.shape[0])
      tensors.delete(name);
  const { missing } = matchNames(own.keys(), tensors.keys());
  model.initWeights(options.seed, new Set(missing.map((name) => own.get(name)!)));
  model.loadReport = model.loadWeights(tensors, folder.name);
  model.nameOrPath = folder.name === folder.dir ? absolutePath(folder.dir) : folder.name;
  return model;
}

/** @throws UsageError when an encoder is asked to be a decoder, or the other way round. */
function checkIsDecoder(
  { architecture, isDecoder }: Pick<ModelClass<unknown>, 'architecture' | 'isDecoder'>,
  config: BertConfig,
  source?: string,
): void {
  const { isDecoder: given = false } = config;
  if (isDecoder === undefined || given === isDecoder) return;
  const field = source === undefined ? 'isDecoder' : `${source}: is_decoder`;
  const hint = isDecoder
    ? 'a decoder, as BertLMHeadModel saves it'
    : 'an encoder; BertLMHeadModel is for decoders';
  throw new UsageError(`${architecture}: ${field}: expected ${isDecoder} (${hint}), got ${given}`);
}

/** Builds a model without drawing weights that are about to be replaced. */
const buildUninitialized = <M>(Model: new (config: BertConfig) => M, config: BertConfig): M =>
  init.skipInit(() => new Model(config));
