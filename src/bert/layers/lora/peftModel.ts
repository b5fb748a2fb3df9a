import type { Device } from '../../../device/device.ts';
import { modelFiles } from '../../../formats/modelFiles.ts';
import { type ModelSource, openModelFolder } from '../../../formats/modelFolder.ts';
import { areTokenizer, removeOtherTokenizer } from '../../../formats/removeModel.ts';
import { type Linear, Module } from '../../../nn/index.ts';
import { type LoraConfig, loraConfig, scalingOf } from '../../../nn/lora/loraConfig.ts';
import { LoraLinear } from '../../../nn/lora/loraLinear.ts';
import { findTargets, replaceModule } from '../../../nn/lora/modules.ts';
import { SavedTensors, savedSlots } from '../../../nn/lora/savedTensors.ts';
import type { ForwardArgs, ForwardResult } from '../../../nn/moduleHooks.ts';
import { type FileContent, writeFiles } from '../../../platform/atomicWrite.ts';
import { UsageError } from '../../../platform/errors.ts';
import { formatNames, formatValue } from '../../../platform/format.ts';
import type { Tensor } from '../../../tensor/index.ts';
import { moveToDevice } from '../../../tensor/moveToDevice.ts';
import { Philox } from '../../../tensor/random.ts';
import { readAdapter } from '../../checkpoint/adapter/read.ts';
import { adapterFiles } from '../../checkpoint/adapter/write.ts';
import { configToJson } from '../../config.ts';
import type { BertPreTrainedModel } from '../../pretrainedModel.ts';
import { checkName, checkShapes, copyAdapter, modulesToSaveOf, savedModules } from './adapters.ts';

/** The name of an adapter that nobody named, as PEFT's. */
export const DEFAULT_ADAPTER = 'default';

/**
 * A model with low-rank adapters (PEFT's `PeftModel`; Hu et al. 2021, arXiv 2106.09685): its own
 * weights are frozen, and one adapter at a time takes part in `forward` and is trained. The model
 * itself is changed: wherever it is used, it computes with the active adapter.
 * @example
 * const model = await BertForSequenceClassification.fromPretrained('path/to/folder', {
 *   labels: ['bad', 'good'],
 * });
 * const peft = getPeftModel(model, { r: 8, targetModules: ['query', 'value'] });
 * const [trainable, all] = peft.getNbTrainableParameters();
 */
export class PeftModel<M extends BertPreTrainedModel = BertPreTrainedModel> extends Module {
  readonly #model: M;
  readonly #configs = new Map<string, LoraConfig>();
  readonly #layers = new Map<string, LoraLinear>();
  readonly #saved = new SavedTensors();
  #active: string | undefined;

  /** Without an adapter; `getPeftModel` and `PeftModel.fromPretrained` make one with its first. */
  constructor(model: M) {
    super();
    if ([...model.modules()].some((module) => module instanceof LoraLinear))
      throw new UsageError(
        'expected a model without adapters, got one that has some: add others with `addAdapter`',
      );
    // All count as parameters, also those that were frozen one by one.
    this.#model = model.requiresGrad_();
    this.training = model.training;
  }

  /**
   * Puts the adapter of a folder, PEFT's or ours, on its base model, and activates it.
   * @throws UsageError as `loadAdapter`.
   * @example
   * const peft = await PeftModel.fromPretrained(model, 'out/adapter');
   */
  static async fromPretrained<M extends BertPreTrainedModel>(
    model: M,
    source: ModelSource,
    adapterName = DEFAULT_ADAPTER,
  ): Promise<PeftModel<M>> {
    const peft = new PeftModel(model);
    await peft.loadAdapter(source, adapterName);
    peft.setAdapter(adapterName);
    return peft;
  }

  /** The model itself; it has the adapters. */
  getBaseModel(): M {
    return this.#model;
  }

  /** Configurations of the adapters by name. */
  get peftConfig(): ReadonlyMap<string, LoraConfig> {
    return this.#configs;
  }

  /** Name of the adapter that takes part in `forward`. */
  get activeAdapter(): string | undefined {
    return this.#active;
  }

  /** The forward of the model, with the active adapter. */
  forward(...args: ForwardArgs<M>): ForwardResult<M> {
    const { forward } = this.#model as unknown as {
      forward: (...args: ForwardArgs<M>) => ForwardResult<M>;
    };
    return forward.apply(this.#model, args);
  }

  /**
   * Adds an adapter that changes nothing yet; `setAdapter` activates it.
   * @throws UsageError if the name is taken, or if the configuration names no linear layer.
   */
  addAdapter(adapterName: string, config: Partial<LoraConfig>, seed?: number): void {
    checkName(adapterName, this.#configs);
    const model = this.#model;
    const modulesToSave = modulesToSaveOf(model, config);
    const full = loraConfig({ baseModelNameOrPath: model.nameOrPath, ...config, modulesToSave });
    const names = findTargets(model, full, modulesToSave);
    const random = seed === undefined ? undefined : new Philox(seed);
    const modules = new Map(model.namedModules());
    for (const name of names) {
      const layer = this.#layers.get(name) ?? this.#adapt(name, modules.get(name) as Linear);
      const dropout = full.loraDropout;
      layer.addAdapter(adapterName, { ...scalingOf(full, name), dropout, random });
    }
    this.#saved.add(savedSlots(model, modulesToSave, full.bias), adapterName);
    this.#configs.set(adapterName, full);
    this.#activate(this.#active);
  }

  #adapt(name: string, linear: Linear): LoraLinear {
    const layer = new LoraLinear(linear);
    replaceModule(this.#model, linear, layer);
    this.#layers.set(name, layer);
    return layer;
  }

  /**
   * Adds the adapter of a folder that PEFT or `savePretrained` wrote; `setAdapter` activates it.
   * @throws UsageError if the name is taken, for another kind of adapter, or for one of another
   * base model.
   * @example
   * await peft.loadAdapter('out/other', 'other');
   * peft.setAdapter('other');
   */
  async loadAdapter(source: ModelSource, adapterName: string): Promise<void> {
    checkName(adapterName, this.#configs);
    const folder = await openModelFolder(source);
    if (!folder.adapter)
      throw new UsageError(`${folder.name} has no ${modelFiles.adapterConfig}: it is no adapter`);
    const checkpoint = await readAdapter(folder);
    const { config, layers } = checkpoint;
    checkShapes(checkpoint, this.#model, folder.name);
    const whole = savedModules(checkpoint);
    const modulesToSave = config.bias === 'none' ? whole : config.modulesToSave;
    // What the file has decides, however the configuration names it.
    const { excludeModules: _, layersToTransform: __, ...rest } = config;
    this.addAdapter(adapterName, { ...rest, targetModules: [...layers.keys()], modulesToSave });
    this.#configs.set(adapterName, { modulesToSave, ...config });
    copyAdapter(checkpoint, new Map(this.#tensorsOf(adapterName)), folder.name);
  }

  /**
   * Reads the weights of an adapter that it has from a folder.
   * @throws UsageError if they are not those of the adapter.
   */
  async loadWeights(source: ModelSource, adapterName = this.#active!): Promise<void> {
    this.#check(adapterName);
    const folder = await openModelFolder(source);
    copyAdapter(await readAdapter(folder), new Map(this.#tensorsOf(adapterName)), folder.name);
  }

  /** The tensors of an adapter by PEFT's names, without what these begin with. */
  *#tensorsOf(adapterName: string): Generator<[string, Tensor]> {
    for (const [name, layer] of this.#layers) {
      const matrices = layer.matrices(adapterName);
      if (!matrices) continue;
      yield [`${name}.lora_A.weight`, matrices.A];
      yield [`${name}.lora_B.weight`, matrices.B];
    }
    yield* this.#saved.of(adapterName);
  }

  /**
   * Activates an adapter: it alone takes part in `forward` and requires gradients.
   * @throws UsageError if there is none of that name.
   */
  setAdapter(adapterName: string): void {
    this.#check(adapterName);
    this.#activate(adapterName);
  }

  #check(adapterName: string): void {
    if (!this.#configs.has(adapterName))
      throw new UsageError(
        `expected the name of an adapter (${formatNames([...this.#configs.keys()])}), ` +
          `got ${formatValue(adapterName)}`,
      );
  }

  #activate(adapterName: string | undefined): void {
    this.#active = adapterName;
    this.#saved.place(adapterName);
    this.#model.requiresGrad_(false);
    for (const layer of this.#layers.values()) layer.activeAdapter = adapterName;
    for (const [, tensor] of this.#saved.of(adapterName)) tensor.requiresGrad_();
  }

  /**
   * Runs a function with the base model alone, as before the first adapter, and returns what it
   * returns.
   * @example
   * const { logits } = peft.disableAdapter(() => peft.forward({ inputIds: [[2, 9, 3]] }));
   */
  disableAdapter<T>(run: () => T): T {
    const active = this.#active;
    const restore = () => this.#activate(active);
    this.#activate(undefined);
    let result: T;
    try {
      result = run();
    } catch (error) {
      restore();
      throw error;
    }
    if (result instanceof Promise) return result.finally(restore) as T;
    restore();
    return result;
  }

  /**
   * Adds the active adapter to the weights of the model, and returns the model: it has no adapters
   * any more, and all its weights require gradients again. Other adapters are lost.
   */
  mergeAndUnload(): M {
    const model = this.#model;
    for (const layer of this.#layers.values()) layer.merge();
    model.requiresGrad_();
    for (const layer of this.#layers.values())
      replaceModule(model, layer, layer.baseLayer as Linear);
    this.#layers.clear();
    this.#saved.clear();
    this.#configs.clear();
    this.#active = undefined;
    return model;
  }

  /** Numbers of parameters: those that are trained, and all. */
  getNbTrainableParameters(): [trainable: number, all: number] {
    const sizes = this.parameters().map(({ size, requiresGrad }) => (requiresGrad ? size : 0));
    return [sizes.reduce((sum, size) => sum + size, 0), this.parameterCount];
  }

  /**
   * Writes the folder of an adapter that Python's peft reads, with `extraFiles` such as the
   * tokenizer's: adapter_config.json, adapter_model.safetensors, and the config.json of the model
   * with its labels. Another tokenizer there goes. After a crash the folder is the old one or the
   * new one.
   * @throws UsageError when the folder cannot be written to.
   */
  async savePretrained(
    dir: string,
    extraFiles: Record<string, FileContent> = {},
    adapterName = this.#active!,
  ): Promise<void> {
    await writeFiles(dir, this.fileContents(extraFiles, adapterName));
    if (areTokenizer(extraFiles)) await removeOtherTokenizer(dir, extraFiles);
  }

  /** The files that `savePretrained` writes; weights are fetched while they are read. */
  fileContents(
    extraFiles: Record<string, FileContent> = {},
    adapterName = this.#active!,
  ): Record<string, FileContent> {
    this.#check(adapterName);
    const { config, architecture } = this.#model;
    return {
      ...extraFiles,
      [modelFiles.config]: configToJson(config, [architecture]),
      ...adapterFiles(this.#configs.get(adapterName)!, architecture, this.#tensorsOf(adapterName)),
    };
  }

  /** Moves the model and all adapters. */
  override async toDevice(device: Device): Promise<this> {
    await super.toDevice(device);
    await moveToDevice([...this.#saved.resting()], device);
    return this;
  }

  override dispose(): void {
    for (const tensor of this.#saved.resting()) tensor.dispose();
    super.dispose();
  }

  override *namedChildren(): Generator<[string, Module]> {
    yield ['base_model.model', this.#model];
  }
}
