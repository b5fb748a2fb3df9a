import { Embedding, Module } from '../../nn/index.ts';
import {
  linearCrossEntropy,
  matmul,
  type NestedArray,
  noGrad,
  ones,
  type Tensor,
  zeros,
} from '../../tensor/index.ts';
import type { Checkpoint } from '../checkpoint/read.ts';
import type { BertConfig } from '../config.ts';
import { pool } from '../heads/pooling.ts';
import { SequenceClassifier } from '../heads/sequenceClassification.ts';
import { BertPooler, type EncoderOutput } from '../layers/encoder.ts';
import type { BertModelOutput } from '../model.ts';
import { type BertInputs, checkLabelShape, toIdTensor, toIdTensors } from '../modelInputs.ts';
import { BertPreTrainedModel, type FreezableParts } from '../pretrainedModel.ts';
import { checkWindow, checkWordEmbeddings, WordEmbeddings, windowMask } from './wordEmbeddings.ts';

/** Base of models with word vectors, named as in BERT, and no encoder. Other sizes are ignored. */
export abstract class WordVectors extends BertPreTrainedModel {
  static override readonly isDecoder: boolean | undefined = undefined;

  static override checkFolder(checkpoint: Checkpoint, source: string): void {
    checkWordEmbeddings(checkpoint, source);
  }
}

/**
 * Word vectors only: the state of a token is its vector, whatever its context.
 * @example
 * const words = await CbowModel.fromPretrained('path/to/folder');
 * const { lastHiddenState } = words.forward({ inputIds: [[2, 9, 3]] }); // a vector per token
 */
export class CbowModel extends WordVectors {
  static override readonly architecture: string = 'CbowModel';
  readonly embeddings: WordEmbeddings;

  constructor(config: BertConfig) {
    super(config);
    this.embeddings = new WordEmbeddings(config);
  }

  /** Size of each hidden state. */
  get stateSize(): number {
    return this.config.hiddenSize;
  }

  /** Number of `hiddenStates`: the word vectors alone. */
  get numHiddenStates(): number {
    return 1;
  }

  override get freezableParts(): FreezableParts {
    return { embeddings: this.embeddings, encoders: [] };
  }

  /**
   * Ids of [batch, length] → lastHiddenState: [batch, length, hidden].
   * @throws ArgumentError for shapes that do not fit.
   */
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

/** Tokens on each side that form a context, as in the paper. */
export const CBOW_WINDOW = 4;

/** Inputs of `CbowLMHeadModel`. */
export interface CbowInputs extends BertInputs {
  /** The text's own tokens, [batch, length]; -100 for tokens to ignore, such as padding. */
  labels?: Tensor | NestedArray;
  /** Tokens on each side that form the context. Default: 4, as in the paper. */
  window?: number;
}

/** Outputs of `CbowLMHeadModel`. */
export interface CbowOutput extends EncoderOutput {
  /** Mean over the labelled tokens, NaN without any; undefined without labels. */
  loss?: Tensor;
  /** Mean of the vectors in each token's window, [batch, length, hidden]; 0 for an empty window. */
  context: Tensor;
}

class WordPredictions extends Module {
  readonly decoder: Embedding;

  constructor({ vocabSize, hiddenSize }: BertConfig) {
    super();
    this.decoder = new Embedding(vocabSize, hiddenSize);
  }
}

/** The output vector of each word. */
export class WordVectorHead extends Module {
  readonly predictions: WordPredictions;

  constructor(config: BertConfig) {
    super();
    this.predictions = new WordPredictions(config);
  }
}

/** Base of models that learn word vectors, by predicting words from the words around them. */
export abstract class WordVectorLM extends WordVectors {
  readonly bert: CbowModel;
  readonly cls: WordVectorHead;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new CbowModel(config);
    this.cls = new WordVectorHead(config);
  }

  /** 1 for tokens, 0 for padding; [batch or 1, length]. */
  protected maskOf({ attentionMask }: BertInputs, vectors: Tensor): Tensor {
    const { shape, device } = vectors;
    return toIdTensor(attentionMask ?? ones([1, shape[1]], { device }), device, 'attentionMask');
  }
}

/**
 * word2vec's continuous bag of words (Mikolov et al. 2013, arXiv 1301.3781, §3.1): the mean of the
 * vectors around a token predicts it. The softmax covers the whole vocabulary instead of negative
 * samples: a WordPiece vocabulary is small, and the loss compares with those of other language
 * models. As in the paper, input and output vectors differ, and there is no bias.
 * @example
 * const model = CbowLMHeadModel.fromConfig(bertConfig({ ...bertTiny, vocabSize: 500 }));
 * const { loss } = model.forward({ inputIds: [[2, 9, 3]], labels: [[-100, 9, -100]], window: 4 });
 */
export class CbowLMHeadModel extends WordVectorLM {
  static override readonly architecture: string = 'CbowLMHeadModel';

  /**
   * @throws ArgumentError for labels of another shape or outside the vocabulary, or a window below
   * 1.
   */
  forward({ labels, window = CBOW_WINDOW, ...inputs }: CbowInputs): CbowOutput {
    checkWindow('CbowLMHeadModel', window);
    const output = this.bert.forward(inputs);
    const { shape, device } = output.lastHiddenState;
    const [batch, length, size] = shape;
    const mask = this.maskOf(inputs, output.lastHiddenState);
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

/**
 * Weights of the mean over each window: equal for its tokens, 0 for the token itself and padding.
 */
function contextWeights(length: number, window: number, mask: Tensor): Tensor {
  const weights = windowMask(length, window, mask.device).mul(mask.toFloat().unsqueeze(1));
  return weights.div(weights.sum([-1], true).clamp(1, length));
}

/**
 * Classifies by the mean of a text's word vectors.
 * @example
 * const model = await CbowForSequenceClassification.fromPretrained('path/to/folder', {
 *   labels: ['bad', 'good'],
 * });
 */
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
