import { Embedding, init, LayerNorm, Linear, Module } from '../nn/index.ts';
import { UsageError } from '../platform/errors.ts';
import type { FileContent } from '../platform/files.ts';
import { formatNames } from '../platform/format.ts';
import { noGrad, type Tensor, zeros } from '../tensor/index.ts';
import { Philox } from '../tensor/random.ts';
import {
  type Checkpoint,
  checkSizes,
  matchNames,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import { type BertConfig, labelFields, type TorchDtype } from './config.ts';
import { BertEmbeddings } from './embeddings.ts';
import { BertEncoder, BertPooler, type EncoderOutput } from './encoder.ts';
import { type BertInputs, toIdTensors } from './modelInputs.ts';

/** How a folder's weights fitted a model. */
export interface LoadReport {
  /** Weights the folder lacks; they are fresh. */
  missing: string[];
  /** Weights of the folder that the model has no use for. */
  unexpected: string[];
}

export interface PretrainedOptions {
  /** Labels for `config.id2label` instead of the folder's; a classifier for another number of them is drawn anew. */
  labels?: readonly string[];
  /** What a sequence classifier is to be trained for, instead of what the folder says. */
  problemType?: BertConfig['problemType'];
  /** Of the weights that the folder lacks. */
  seed?: number;
}

export interface SaveOptions {
  /** How to store the weights; float16 halves the file and rounds them (PyTorch's `model.half()`). Default: float32. */
  torchDtype?: TorchDtype;
}

/** The lowest finite float32: what masked scores are lowered by. */
const FLOAT32_LOWEST = -3.4028234663852886e38;

/** What every BERT model shares: its configuration, reading and writing Hugging Face folders, fresh weights. */
export abstract class BertPreTrainedModel extends Module {
  /** What `isDecoder` must be in the configuration; undefined: either. */
  static readonly isDecoder: boolean | undefined = false;
  readonly config: BertConfig;
  /** What the folder it was read from lacked or had too much; empty for a fresh model. */
  loadReport: LoadReport = { missing: [], unexpected: [] };

  constructor(config: BertConfig) {
    super();
    checkIsDecoder(this.constructor as typeof BertPreTrainedModel, config);
    this.config = config;
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
   * Reads a Hugging Face folder, or the model of that name on the hub (`findModel`), for evaluation. The folder may be of
   * another head: `loadReport` says which weights were not there, and are fresh, and which were not used.
   * @throws UsageError when the folder holds no BERT encoder, or one of other sizes than its config.json says.
   */
  static async fromPretrained<M extends BertPreTrainedModel>(
    this: ModelClass<M>,
    nameOrDir: string,
    { labels, problemType, seed = 0 }: PretrainedOptions = {},
  ): Promise<M> {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on
    const { config, tensors } = await readCompatibleCheckpoint(this, nameOrDir);
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on
    const model = buildUninitialized(this, {
      ...config,
      ...(labels && labelFields(labels)),
      ...(problemType !== undefined && { problemType }),
    }).eval();
    const own = model.stateDict();
    for (const name of labels ? ['classifier.weight', 'classifier.bias'] : [])
      if (own.has(name) && tensors.get(name)?.shape[0] !== own.get(name)!.shape[0])
        tensors.delete(name);
    const { missing } = matchNames(own.keys(), tensors.keys());
    model.initWeights(seed, new Set(missing.map((name) => own.get(name)!)));
    model.loadReport = model.loadWeights(tensors, nameOrDir);
    return model;
  }

  /**
   * Fills in fresh weights, as Hugging Face: N(0, initializerRange), biases 0, LayerNorm 1 and 0, the padding row 0.
   * With `only`, in the layers that have one of these parameters.
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
      }
    }
    return this;
  }

  /**
   * Writes a folder that Hugging Face's `from_pretrained` loads; a crash leaves the old one or the new one. `extraFiles`:
   * the tokenizer's. Weights are fetched one by one: wait for the end before training on.
   * @throws UsageError when the folder cannot be written to, or naming a weight that is too large for float16 or NaN.
   */
  async savePretrained(
    dir: string,
    extraFiles: Record<string, FileContent> = {},
    { torchDtype }: SaveOptions = {},
  ): Promise<void> {
    const weights = Array.from(this.stateDict(), ([name, parameter]) => {
      return [
        name,
        { shape: parameter.shape, data: () => parameter.data() as Promise<Float32Array> },
      ] as const;
    });
    await writeCheckpoint(
      dir,
      this.config,
      [this.constructor.name],
      weights,
      extraFiles,
      torchDtype,
    );
  }

  /**
   * Takes weights from a checkpoint. Ones it lacks keep their fresh values; both those and the ones it has too many of
   * are returned by name.
   * @throws UsageError naming weights whose shape differs.
   */
  loadWeights(
    tensors: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>,
    source: string,
  ): LoadReport {
    const own = this.stateDict();
    const { mapping, missing, unexpected } = matchNames(own.keys(), tensors.keys());
    const mismatched = [...mapping].filter(
      ([name, found]) => own.get(name)!.shape.join() !== tensors.get(found)!.shape.join(),
    );
    if (mismatched.length > 0) {
      const list = mismatched.map(
        ([name, found]) =>
          `${found} is [${tensors.get(found)!.shape}] instead of [${own.get(name)!.shape}]`,
      );
      const fresh = mismatched.every(([name]) => name.startsWith('classifier.'))
        ? '; with `labels`, a classifier is drawn anew'
        : '';
      throw new UsageError(`${source}: weights of another shape: ${formatNames(list)}${fresh}`);
    }
    for (const [name, found] of mapping) own.get(name)!.copy_(tensors.get(found)!.data);
    return { missing, unexpected };
  }
}

/** A class of models, with what is said of it as a whole. */
interface ModelClass<M> {
  new (config: BertConfig): M;
  readonly name: string;
  readonly isDecoder: boolean | undefined;
  checkFolder(checkpoint: Checkpoint, source: string): void;
}

/** @throws UsageError when a class that looks both ways is to look back only, or the other way round. */
function checkIsDecoder(
  { name, isDecoder }: Pick<ModelClass<unknown>, 'name' | 'isDecoder'>,
  config: BertConfig,
  source?: string,
): void {
  const { isDecoder: given = false } = config;
  if (isDecoder === undefined || given === isDecoder) return;
  const field = source === undefined ? 'isDecoder' : `${source}: is_decoder`;
  throw new UsageError(
    `${name}: ${field} is ${given}; expected ${isDecoder}, ${isDecoder ? 'a decoder, as BertLMHeadModel saves it' : 'an encoder; BertLMHeadModel is for decoders'}`,
  );
}

/** Reads a folder that is fit for a class. */
async function readCompatibleCheckpoint(
  Model: ModelClass<unknown>,
  nameOrDir: string,
): Promise<Checkpoint> {
  const checkpoint = await readCheckpoint(nameOrDir);
  checkIsDecoder(Model, checkpoint.config, nameOrDir);
  Model.checkFolder(checkpoint, nameOrDir);
  return checkpoint;
}

/** Builds a model of a class without spending random numbers on weights that are about to be replaced. */
const buildUninitialized = <M>(Model: new (config: BertConfig) => M, config: BertConfig): M =>
  init.skipInit(() => new Model(config));

/** The encoder with its embeddings and no pooler (Hugging Face's `add_pooling_layer=False`): what heads for tokens stand on. */
export class BertBackbone extends BertPreTrainedModel {
  static override readonly isDecoder: boolean | undefined = undefined;
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;

  constructor(config: BertConfig) {
    super(config);
    this.embeddings = new BertEmbeddings(config);
    this.encoder = new BertEncoder(config);
  }

  /** Ids of [batch, length] → lastHiddenState: [batch, length, hidden]. Throws ArgumentError for shapes that do not fit. */
  forward(inputs: BertInputs): EncoderOutput {
    const { embedded, mask } = this.embed(inputs);
    return this.encoder.forward(embedded, mask, inputs.outputAttentions);
  }

  /** What encoders take: the embeddings, [batch, length, hidden], and what is added to scores, [batch or 1, 1, 1, length]. */
  protected embed(inputs: BertInputs): { embedded: Tensor; mask: Tensor } {
    const { device } = this.embeddings.wordEmbeddings.weight;
    const ids = toIdTensors('BertModel', inputs, ['batch', 'length'], device);
    const [batch, length] = ids.inputIds.shape;
    const mask = ids.attentionMask;
    const additiveMask = noGrad(() =>
      mask
        ? mask.toFloat().mul(-FLOAT32_LOWEST).add(FLOAT32_LOWEST).reshape([batch, 1, 1, length])
        : zeros([1, 1, 1, length], { device }),
    );
    const embedded = this.embeddings.forward(ids.inputIds, ids.tokenTypeIds, ids.positionIds);
    return { embedded, mask: additiveMask };
  }
}

export interface BertModelOutput extends EncoderOutput {
  /** [batch, hidden] */
  poolerOutput: Tensor;
}

/** The encoder with its embeddings and pooler. */
export class BertModel extends BertBackbone {
  static override readonly isDecoder = false;
  readonly pooler: BertPooler;

  constructor(config: BertConfig) {
    super(config);
    this.pooler = new BertPooler(config);
  }

  /** As `BertBackbone`, and poolerOutput: [batch, hidden]. */
  override forward(inputs: BertInputs): BertModelOutput {
    const output = super.forward(inputs);
    return { ...output, poolerOutput: this.pooler.forward(output.lastHiddenState) };
  }
}
