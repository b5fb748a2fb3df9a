import { Embedding, LayerNorm, Linear, Module, parameter } from '../../nn/index.ts';
import {
  type Activation,
  IGNORE_INDEX,
  indexSelect,
  linear,
  linearCrossEntropy,
  type NestedArray,
  Tensor,
  tensor,
  zeros,
} from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import { activations } from '../layers/encoder.ts';
import { type BertInputs, checkIdValues, checkLabelShape, toIdTensor } from '../modelInputs.ts';

export interface MaskedLMInputs extends BertInputs {
  /**
   * The token behind each position, [batch, length]; -100 where none is to be predicted. From the host, only the positions
   * with a token go through the decoder; of a tensor, whose values the host does not know, all do.
   */
  labels?: Tensor | NestedArray;
  /**
   * Positions to predict, [n], as row × length + column; `labels` are then [n], theirs. For captured steps (`capture`):
   * keep n the same and fill up with positions of label -100 (Google's `masked_lm_positions`).
   */
  labelPositions?: Tensor | NestedArray;
}

export interface MaskedLMPrediction {
  /** Mean over the labelled positions, NaN if there are none; undefined when no labels are given. */
  loss?: Tensor;
  /** [batch, length, vocabulary], computed when first read: they take much memory, and training does without them. */
  readonly logits: Tensor;
}

class BertPredictionHeadTransform extends Module {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly activation: Activation;

  constructor({ hiddenSize, hiddenAct, layerNormEps }: BertConfig) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize);
    this.LayerNorm = new LayerNorm(hiddenSize, layerNormEps);
    this.activation = activations[hiddenAct];
  }

  forward(x: Tensor): Tensor {
    return this.LayerNorm.forward(this.dense.forward(x, this.activation));
  }
}

/** Predicts tokens from hidden states (Devlin et al. 2019, §3.1, task 1). */
export class BertLMPredictionHead extends Module {
  readonly transform: BertPredictionHeadTransform;
  readonly bias: Tensor;
  /** A row for each token: the word embeddings themselves, unless the configuration unties them. */
  readonly decoder: Embedding;

  constructor(config: BertConfig, wordEmbeddings: Embedding) {
    super();
    this.transform = new BertPredictionHeadTransform(config);
    this.bias = parameter(zeros([config.vocabSize]));
    this.decoder = config.tieWordEmbeddings
      ? wordEmbeddings
      : new Embedding(config.vocabSize, config.hiddenSize);
  }

  /** hidden: [batch, length, hidden]. Throws ArgumentError for labels of another shape, or that are no tokens. */
  forward(
    hidden: Tensor,
    { labels, labelPositions }: Pick<MaskedLMInputs, 'labels' | 'labelPositions'>,
  ): MaskedLMPrediction {
    const loss = labels === undefined ? undefined : this.#loss(hidden, labels, labelPositions);
    const logits = () => linear(this.transform.forward(hidden), this.decoder.weight, this.bias);
    let computed: Tensor | undefined;
    return {
      loss,
      get logits() {
        if (!computed || computed.isDisposed) computed = logits();
        return computed;
      },
    };
  }

  /** Never holds the logits of all tokens at once (`linearCrossEntropy`). */
  #loss(
    hidden: Tensor,
    labels: Tensor | NestedArray,
    labelPositions?: Tensor | NestedArray,
  ): Tensor {
    const [batch, length, size] = hidden.shape;
    const rows = hidden.reshape([batch * length, size]);
    const lossOf = (x: Tensor, targets: Tensor) =>
      linearCrossEntropy(this.transform.forward(x), this.decoder.weight, this.bias, targets);
    if (labelPositions !== undefined) {
      const positions = toIdTensor(labelPositions, hidden.device, 'labelPositions');
      const targets = toIdTensor(labels, hidden.device, 'labels');
      checkLabelShape(targets.shape, positions.shape, 'labels');
      return lossOf(indexSelect(rows, 0, positions), targets);
    }
    if (labels instanceof Tensor) {
      checkLabelShape(labels.shape, [batch, length], 'labels');
      return lossOf(rows, labels.reshape([batch * length]));
    }
    checkIdValues(labels, 'labels');
    const { positions, targets } = labelledPositions(labels, batch, length);
    const [index, known] = [positions, targets].map((ids) =>
      tensor(Int32Array.from(ids), { device: hidden.device }),
    );
    return lossOf(indexSelect(rows, 0, index), known);
  }
}

/** The positions that have a label, and their labels; where none has one, a position that is ignored. */
function labelledPositions(
  labels: NestedArray,
  batch: number,
  length: number,
): { positions: number[]; targets: number[] } {
  const rows = Array.from(labels as readonly number[][], (row) => Array.from(row));
  checkLabelShape(
    [rows.length, ...new Set(rows.map((row) => row.length))],
    [batch, length],
    'labels',
  );
  const all = rows.flat();
  const positions = [...all.keys()].filter((i) => all[i] !== IGNORE_INDEX);
  if (positions.length === 0) positions.push(0);
  return { positions, targets: positions.map((i) => all[i]) };
}
