import { Embedding, Module } from '../../nn/index.ts';
import { ArgumentError, UsageError } from '../../platform/errors.ts';
import {
  linearCrossEntropy,
  matmul,
  type NestedArray,
  noGrad,
  ones,
  type Tensor,
  tensor,
  zeros,
} from '../../tensor/index.ts';
import type { Checkpoint } from '../checkpoint/read.ts';
import type { BertConfig } from '../config.ts';
import { pool } from '../heads/pooling.ts';
import { SequenceClassifier } from '../heads/sequenceClassification.ts';
import { BertPooler, type EncoderOutput } from '../layers/encoder.ts';
import type { BertModelOutput } from '../model.ts';
import { type BertInputs, checkLabelShape, toIdTensor, toIdTensors } from '../modelInputs.ts';
import { BertPreTrainedModel } from '../pretrainedModel.ts';

export class CbowEmbeddings extends Module {
  readonly wordEmbeddings: Embedding;

  constructor({ vocabSize, hiddenSize, padTokenId }: BertConfig) {
    super();
    this.wordEmbeddings = new Embedding(vocabSize, hiddenSize, padTokenId);
  }
}

/** What has word vectors under BERT's name for them, and no encoder: of the configuration, the sizes of that table count. */
abstract class WordVectors extends BertPreTrainedModel {
  static override readonly isDecoder: boolean | undefined = undefined;

  static override checkFolder({ tensors, config }: Checkpoint, source: string): void {
    const name = 'embeddings.word_embeddings.weight';
    const shape = (tensors.get(`bert.${name}`) ?? tensors.get(name))?.shape;
    if (shape?.join() !== [config.vocabSize, config.hiddenSize].join())
      throw new UsageError(
        `${source}: ${name} is ${shape ? `[${shape}]` : 'not there'}; expected [${config.vocabSize},${config.hiddenSize}] (vocab_size, hidden_size)`,
      );
  }
}

/** Word vectors alone: a token's state is its vector, whatever stands around it. */
export class CbowModel extends WordVectors {
  static override readonly architecture: string = 'CbowModel';
  readonly embeddings: CbowEmbeddings;

  constructor(config: BertConfig) {
    super(config);
    this.embeddings = new CbowEmbeddings(config);
  }

  /** Size of each hidden state. */
  get stateSize(): number {
    return this.config.hiddenSize;
  }

  /** Number of `hiddenStates`: the word vectors alone. */
  get numHiddenStates(): number {
    return 1;
  }

  /** Ids of [batch, length] → lastHiddenState: [batch, length, hidden]. Throws ArgumentError for shapes that do not fit. */
  forward(inputs: BertInputs): EncoderOutput {
    const { wordEmbeddings } = this.embeddings;
    const { inputIds } = toIdTensors(
      'CbowModel',
      inputs,
      ['batch', 'length'],
      wordEmbeddings.weight.device,
    );
    const lastHiddenState = wordEmbeddings.forward(inputIds);
    return { lastHiddenState, hiddenStates: [lastHiddenState] };
  }
}

export interface CbowInputs extends BertInputs {
  /** The text's own tokens, [batch, length]; -100 where one is not to be predicted, as padding. */
  labels?: Tensor | NestedArray;
  /** Tokens to either side that are the context. Default: 4, the paper's. */
  window?: number;
}

export interface CbowOutput extends EncoderOutput {
  /** Mean over the tokens to be predicted, NaN if there are none; undefined when no labels are given. */
  loss?: Tensor;
  /** The mean of the vectors around each position, [batch, length, hidden]; 0 where nothing is around. */
  context: Tensor;
}

class CbowPredictions extends Module {
  readonly decoder: Embedding;

  constructor({ vocabSize, hiddenSize }: BertConfig) {
    super();
    this.decoder = new Embedding(vocabSize, hiddenSize);
  }
}

class CbowHead extends Module {
  readonly predictions: CbowPredictions;

  constructor(config: BertConfig) {
    super();
    this.predictions = new CbowPredictions(config);
  }
}

/**
 * word2vec's continuous bag of words (Mikolov et al. 2013, arXiv 1301.3781, §3.1): the mean of the vectors around a token
 * predicts it. The softmax is over the whole vocabulary, the paper's objective itself, rather than by negative sampling: a
 * vocabulary of word pieces is small, and the loss can be compared with those of other language models. As there, what
 * predicts a token is another vector than its own, and there is no bias.
 */
export class CbowLMHeadModel extends WordVectors {
  static override readonly architecture: string = 'CbowLMHeadModel';
  readonly bert: CbowModel;
  readonly cls: CbowHead;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new CbowModel(config);
    this.cls = new CbowHead(config);
  }

  /** Throws ArgumentError for labels of another shape, or that are no tokens, or a window of nothing. */
  forward({ labels, window = 4, ...inputs }: CbowInputs): CbowOutput {
    if (!Number.isInteger(window) || window < 1)
      throw new ArgumentError(
        `CbowLMHeadModel: a window of at least 1 token was expected, not ${window}`,
      );
    const output = this.bert.forward(inputs);
    const { shape, device } = output.lastHiddenState;
    const [batch, length, size] = shape;
    const mask = toIdTensor(
      inputs.attentionMask ?? ones([1, length], { device }),
      device,
      'attentionMask',
    );
    const context = matmul(
      noGrad(() => contextWeights(length, window, mask)),
      output.lastHiddenState,
    );
    if (labels === undefined) return { ...output, context };
    const targets = toIdTensor(labels, device, 'labels');
    checkLabelShape(targets.shape, [batch, length], 'labels');
    const { weight } = this.cls.predictions.decoder;
    const rows = context.reshape([batch * length, size]);
    const loss = linearCrossEntropy(
      rows,
      weight,
      zeros([weight.shape[0]], { device }),
      targets.reshape([batch * length]),
    );
    return { ...output, context, loss };
  }
}

/** How much each token counts at each position: as much as the others within the window that are attended to, itself not. */
function contextWeights(length: number, window: number, mask: Tensor): Tensor {
  const inWindow = Float32Array.from({ length: length * length }, (_, i) => {
    const distance = Math.abs(Math.floor(i / length) - (i % length));
    return Number(distance > 0 && distance <= window);
  });
  const weights = tensor(inWindow, { shape: [1, length, length], device: mask.device }).mul(
    mask.toFloat().unsqueeze(1),
  );
  return weights.div(weights.sum([-1], true).clamp(1, length));
}

/** A classifier on the mean of a text's word vectors. */
export class CbowForSequenceClassification extends SequenceClassifier<CbowModel> {
  static override readonly architecture: string = 'CbowForSequenceClassification';
  static override readonly isDecoder: boolean | undefined = undefined;
  static override checkFolder = WordVectors.checkFolder;
  readonly pooler: BertPooler;

  constructor(config: BertConfig) {
    super(config, new CbowModel(config));
    this.pooler = new BertPooler(config);
  }

  protected encode(inputs: BertInputs): BertModelOutput {
    const output = this.bert.forward(inputs);
    return {
      ...output,
      poolerOutput: this.pooler.forward(pool(output.lastHiddenState, inputs.attentionMask, 'mean')),
    };
  }
}
