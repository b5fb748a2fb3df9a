import { Embedding, LayerNorm, Linear, Module, parameter } from '../../nn/index.ts';
import { ArgumentError } from '../../platform/errors.ts';
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
import {
  type BertInputs,
  checkIdValues,
  checkLabelShape,
  type LossInputs,
  reduceLoss,
  toIdTensor,
} from '../modelInputs.ts';

/** Inputs of `BertForMaskedLM`. */
export interface MaskedLMInputs extends LossInputs {
  /**
   * Token to predict at each position, [batch, length]; -100 for positions to ignore. Given as
   * arrays, only labelled positions go through the decoder; given as a tensor, whose values the
   * host does not know, all do.
   */
  labels?: Tensor | NestedArray;
  /**
   * Positions to predict, [n], as row × length + column; `labels` is then [n] too. For captured
   * steps (`capture`), keep n constant and fill up with positions of label -100 (Google's
   * `masked_lm_positions`).
   */
  labelPositions?: Tensor | NestedArray;
}

export interface MaskedLMPrediction {
  /** Mean over the labelled positions, NaN without any; undefined without labels. */
  loss?: Tensor;
  /** [batch, length, vocabulary]. Large, so computed on first use; training does not need it. */
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
  /** One row per token: the word embeddings, unless `tieWordEmbeddings` is false. */
  readonly decoder: Embedding;

  constructor(config: BertConfig, wordEmbeddings: Embedding) {
    super();
    this.transform = new BertPredictionHeadTransform(config);
    this.bias = parameter(zeros([config.vocabSize]));
    this.decoder = config.tieWordEmbeddings
      ? wordEmbeddings
      : new Embedding(config.vocabSize, config.hiddenSize);
  }

  /**
   * hidden: [batch, length, hidden].
   * @throws ArgumentError for labels of another shape or outside the vocabulary.
   */
  forward(hidden: Tensor, inputs: Omit<MaskedLMInputs, keyof BertInputs>): MaskedLMPrediction {
    const loss =
      inputs.labels === undefined ? undefined : this.#loss(hidden, inputs.labels, inputs);
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
    { labelPositions, numItemsInBatch }: Omit<MaskedLMInputs, keyof BertInputs>,
  ): Tensor {
    const [batch, length, size] = hidden.shape;
    const rows = hidden.reshape([batch * length, size]);
    const lossOf = (x: Tensor, targets: Tensor) =>
      reduceLoss(
        (reduction) =>
          linearCrossEntropy(this.transform.forward(x), this.decoder.weight, this.bias, targets, {
            reduction,
          }),
        numItemsInBatch,
      );
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

/** Labelled positions and their labels; without any, the first position, which is ignored. */
function labelledPositions(
  labels: NestedArray,
  batch: number,
  length: number,
): { positions: number[]; targets: number[] } {
  const rows = Array.from(labels as readonly number[][], (row) => Array.from(row));
  const lengths = [...new Set(rows.map((row) => row.length))];
  if (lengths.length > 1)
    throw new ArgumentError(
      `labels: expected the shape [${batch}, ${length}], got rows of ${lengths.join(' and ')}`,
    );
  checkLabelShape([rows.length, ...lengths], [batch, length], 'labels');
  const all = rows.flat();
  const positions = [...all.keys()].filter((i) => all[i] !== IGNORE_INDEX);
  if (positions.length === 0) positions.push(0);
  return { positions, targets: positions.map((i) => all[i]) };
}
