import { Embedding, init, LayerNorm, Linear, Module } from '../nn/index.ts';
import { UsageError } from '../platform/errors.ts';
import { type Nested, noGrad, Tensor, tensor, zeros } from '../tensor/index.ts';
import { Philox } from '../tensor/random.ts';
import { type Checkpoint, checkSizes, matchNames, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import type { BertConfig } from './config.ts';
import { BertEmbeddings } from './embeddings.ts';
import { BertEncoder, BertPooler, type EncoderOutput } from './encoder.ts';
import { nameSome } from './quote.ts';

/** Ids as tensors or nested arrays: what `BertTokenizer.encodeBatch` returns can be passed as it is. */
export interface BertInputs {
  /** [batch, length] */
  inputIds: Tensor | Nested;
  /** 1: attended to, 0: padding. Default: all 1. */
  attentionMask?: Tensor | Nested;
  /** Segment of each token. Default: 0. */
  tokenTypeIds?: Tensor | Nested;
  positionIds?: Tensor | Nested;
  /** Whether `attentions` are wanted; they take memory and time. Default: false. */
  outputAttentions?: boolean;
}

export interface BertModelOutput extends EncoderOutput {
  /** [batch, hidden]; undefined for a model without a pooler. */
  poolerOutput: Tensor;
}

/** The lowest finite float32: what masked scores are lowered by. */
const LOWEST = -3.4028234663852886e38;

/** What every BERT model shares: its configuration, reading and writing Hugging Face folders, fresh weights. */
export abstract class BertPreTrainedModel extends Module {
  readonly config: BertConfig;

  constructor(config: BertConfig) {
    super();
    this.config = config;
  }

  /** Fills in fresh weights, as Hugging Face: N(0, initializerRange), biases 0, LayerNorm 1 and 0, the padding row 0. */
  initWeights(seed = 0): this {
    const random = new Philox(seed);
    const std = this.config.initializerRange;
    for (const module of this.modules()) {
      if (module instanceof Linear) {
        init.normal_(module.weight, 0, std, random);
        init.constant_(module.bias, 0);
      } else if (module instanceof Embedding) {
        const values = Float32Array.from({ length: module.weight.size }, () => std * random.normal());
        const width = module.weight.shape[1];
        if (module.paddingIdx >= 0) values.fill(0, module.paddingIdx * width, (module.paddingIdx + 1) * width);
        module.weight.copy_(values);
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
   * @throws UsageError when the folder cannot be written to.
   */
  async savePretrained(dir: string, extraFiles: Record<string, string> = {}): Promise<void> {
    const weights = Array.from(this.stateDict(), ([name, parameter]) => {
      return [name, { shape: parameter.shape, data: () => parameter.data() as Promise<Float32Array> }] as const;
    });
    await writeCheckpoint(dir, this.config, [this.constructor.name], weights, extraFiles);
  }

  /**
   * Takes weights from a checkpoint. Ones it lacks keep their fresh values; both those and the ones it has too many of
   * are returned by name.
   * @throws UsageError naming weights whose shape differs.
   */
  loadWeights(tensors: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>, source: string): LoadReport {
    const own = this.stateDict();
    const { mapping, missing, unexpected } = matchNames(own.keys(), tensors.keys());
    const wrong = [...mapping].filter(([name, found]) => own.get(name)!.shape.join() !== tensors.get(found)!.shape.join());
    if (wrong.length > 0) {
      const list = wrong.map(
        ([name, found]) => `${found} is [${tensors.get(found)!.shape}] instead of [${own.get(name)!.shape}]`,
      );
      throw new UsageError(`${source}: weights of another shape: ${nameSome(list)}`);
    }
    for (const [name, found] of mapping) own.get(name)!.copy_(tensors.get(found)!.data);
    return { missing, unexpected };
  }
}

export interface LoadReport {
  missing: string[];
  unexpected: string[];
}

/** Builds a model of a class without spending random numbers on weights that are about to be replaced. */
export function build<M extends BertPreTrainedModel, A extends unknown[]>(Model: new (...args: A) => M, ...args: A): M {
  return init.skipInit(() => new Model(...args));
}

/**
 * Reads a model of a class from a Hugging Face folder, or by its name on the hub (`findModel`), with fresh weights (by
 * `seed`) for what the folder lacks. `adapt` may change the configuration and drop weights before the model is built.
 * @throws UsageError when the folder holds no BERT encoder, or one of other sizes than its config.json says.
 */
export async function loadPretrained<M extends BertPreTrainedModel>(
  Model: new (config: BertConfig) => M,
  dir: string,
  adapt: (checkpoint: Checkpoint) => BertConfig = ({ config }) => config,
  seed = 0,
): Promise<M & { loadReport: LoadReport }> {
  const checkpoint = await readCheckpoint(dir);
  checkSizes(checkpoint, dir);
  const model = build(Model, adapt(checkpoint));
  if (matchNames(model.stateDict().keys(), checkpoint.tensors.keys()).missing.length > 0) model.initWeights(seed);
  return Object.assign(model.eval(), { loadReport: model.loadWeights(checkpoint.tensors, dir) });
}

/** The encoder with its embeddings and pooler. */
export class BertModel extends BertPreTrainedModel {
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;
  readonly pooler: BertPooler;

  constructor(config: BertConfig) {
    super(config);
    this.embeddings = new BertEmbeddings(config);
    this.encoder = new BertEncoder(config);
    this.pooler = new BertPooler(config);
  }

  static fromConfig(config: BertConfig, seed = 0): BertModel {
    return build(BertModel, config).initWeights(seed);
  }

  static async fromPretrained(dir: string): Promise<BertModel> {
    return loadPretrained(BertModel, dir);
  }

  /** lastHiddenState: [batch, length, hidden], poolerOutput: [batch, hidden]. Throws RangeError for shapes that do not fit. */
  forward(inputs: BertInputs): BertModelOutput {
    const { device } = this.pooler.dense.weight;
    const asIds = (ids: Tensor | Nested | undefined) =>
      ids === undefined || ids instanceof Tensor
        ? (ids as Tensor | undefined)
        : tensor(ids as Nested, { dtype: 'int32', device });
    const ids = asIds(inputs.inputIds)!;
    const [mask, types, positions] = [inputs.attentionMask, inputs.tokenTypeIds, inputs.positionIds].map(asIds);
    if (ids.ndim !== 2)
      throw new RangeError(`BertModel: inputIds of shape [batch, length] were expected, not [${ids.shape.join(', ')}]`);
    for (const [name, other] of Object.entries({
      attentionMask: mask,
      tokenTypeIds: types,
      positionIds: positions,
    })) {
      if (other && other.shape.join() !== ids.shape.join()) {
        throw new RangeError(`BertModel: ${name} is [${other.shape.join(', ')}], inputIds are [${ids.shape.join(', ')}]`);
      }
    }
    const [batch, length] = ids.shape;
    const added = noGrad(() =>
      mask ? mask.toFloat().mul(-LOWEST).add(LOWEST).reshape([batch, 1, 1, length]) : zeros([1, 1, 1, length], { device }),
    );
    const output = this.encoder.forward(this.embeddings.forward(ids, types, positions), added, inputs.outputAttentions);
    return { ...output, poolerOutput: this.pooler.forward(output.lastHiddenState) };
  }
}
