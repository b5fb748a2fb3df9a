import { Dropout, LSTM, Module } from '../../nn/index.ts';
import { UsageError } from '../../platform/errors.ts';
import {
  arange,
  argsort,
  cat,
  indexSelect,
  noGrad,
  ones,
  type Tensor,
} from '../../tensor/index.ts';
import type { Checkpoint } from '../checkpoint/read.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { type BertInputs, toIdTensors } from '../modelInputs.ts';
import { BertPreTrainedModel, type FreezableParts } from '../pretrainedModel.ts';
import { checkWordEmbeddings, WordEmbeddings } from './wordEmbeddings.ts';

/** Dropout, then an LSTM in one direction. */
class LstmLayer extends Module {
  readonly dropout: Dropout;
  readonly lstm: LSTM;

  constructor({ hiddenSize, hiddenDropoutProb }: BertConfig) {
    super();
    this.dropout = new Dropout(hiddenDropoutProb);
    this.lstm = new LSTM(hiddenSize, hiddenSize, { batchFirst: true });
  }

  /** x: [batch, length, hidden] → the same shape. */
  forward(x: Tensor): Tensor {
    return this.lstm.forward(this.dropout.forward(x))[0];
  }
}

/** The layers of both directions; a layer reads the one below it of its own direction. */
class BiLstmEncoder extends Module {
  readonly forwardLayers: readonly LstmLayer[];
  readonly backwardLayers: readonly LstmLayer[];

  constructor(config: BertConfig) {
    super();
    const layers = () =>
      Array.from({ length: config.numHiddenLayers }, () => new LstmLayer(config));
    this.forwardLayers = layers();
    this.backwardLayers = layers();
  }
}

/** Base of ELMo's models. Of the configuration's sizes, those of attention are ignored. */
export abstract class BiLstmPreTrainedModel extends BertPreTrainedModel {
  static override readonly isDecoder = true;

  static override checkFolder(checkpoint: Checkpoint, source: string): void {
    checkWordEmbeddings(checkpoint, source);
    const layers = new Set(
      Array.from(
        checkpoint.tensors.keys(),
        (name) => /(?:^|^bert\.)encoder\.backward_layers\.(\d+)\./.exec(name)?.[1],
      ),
    );
    layers.delete(undefined);
    const { numHiddenLayers } = checkpoint.config;
    if (layers.size < numHiddenLayers)
      throw new UsageError(
        `${source}: expected the weights of ${numHiddenLayers} layers of two LSTMs ` +
          `(num_hidden_layers in config.json), got ${layers.size}`,
      );
  }
}

/**
 * ELMo's encoder (Peters et al. 2018, arXiv 1802.05365, §3.1) on the tokens of a vocabulary: one
 * LSTM reads the text forwards, another one backwards, and they share only the word vectors. A
 * residual connection goes around each layer above the first. ELMo itself reads characters, and its
 * cells are wider than their outputs.
 * @example
 * const model = await BiLstmModel.fromPretrained('path/to/folder');
 * const { lastHiddenState } = model.forward({ inputIds: [[2, 9, 3]] });
 */
export class BiLstmModel extends BiLstmPreTrainedModel {
  static override readonly architecture: string = 'BiLstmModel';
  readonly embeddings: WordEmbeddings;
  readonly encoder: BiLstmEncoder;

  constructor(config: BertConfig) {
    super(config);
    this.embeddings = new WordEmbeddings(config);
    this.encoder = new BiLstmEncoder(config);
  }

  /** Size of each hidden state. */
  get stateSize(): number {
    return 2 * this.config.hiddenSize;
  }

  /** Number of `hiddenStates`: the word vectors and each layer. */
  get numHiddenStates(): number {
    return this.config.numHiddenLayers + 1;
  }

  override get freezableParts(): FreezableParts {
    const { forwardLayers, backwardLayers } = this.encoder;
    return { embeddings: this.embeddings, encoders: [forwardLayers, backwardLayers] };
  }

  /**
   * Concatenates the states of both directions, the forward one's first: [batch, length, 2 hidden].
   * The lowest hidden state is the word vector, twice.
   * @throws ArgumentError for shapes that do not fit.
   */
  forward(inputs: BertInputs): EncoderOutput {
    const { forward, backward } = this.directions(inputs);
    const hiddenStates = forward.map((state, i) => cat([state, backward[i]], -1));
    return { lastHiddenState: hiddenStates.at(-1)!, hiddenStates };
  }

  /**
   * The word vectors and the states of each layer, [batch, length, hidden] in the text's order.
   * Padding may stand anywhere: neither direction reads it before the text.
   */
  directions(inputs: BertInputs): { forward: Tensor[]; backward: Tensor[] } {
    const { wordEmbeddings } = this.embeddings;
    const ids = toIdTensors(
      'BiLstmModel',
      inputs,
      ['batch', 'length'],
      wordEmbeddings.weight.device,
    );
    const { inputIds, attentionMask } = ids;
    const mask = attentionMask ?? ones(inputIds.shape, { device: inputIds.device });
    const embedded = wordEmbeddings.forward(inputIds);
    const { forwardLayers, backwardLayers } = this.encoder;
    return {
      forward: this.#read(embedded, forwardLayers, readingOrder(mask, false)),
      backward: this.#read(embedded, backwardLayers, readingOrder(mask, true)),
    };
  }

  #read(embedded: Tensor, layers: readonly LstmLayer[], { order, places }: ReadingOrder): Tensor[] {
    const { shape } = embedded;
    const rows = (x: Tensor, index: Tensor) =>
      indexSelect(x.reshape([-1, shape[2]]), 0, index).reshape(shape);
    let x = rows(embedded, order);
    const states = layers.map((layer, i) => {
      x = i === 0 ? layer.forward(x) : layer.forward(x).add(x);
      return rows(x, places);
    });
    return [embedded, ...states];
  }
}

/** Row numbers of tokens, [batch · length]. */
interface ReadingOrder {
  /** The tokens of each text in the order that they are read in, then its padding. */
  order: Tensor;
  /** The inverse: where each token is read. */
  places: Tensor;
}

const readingOrder = (mask: Tensor, reverse: boolean): ReadingOrder =>
  noGrad(() => {
    const { device } = mask;
    const [batch, length] = mask.shape;
    const positions = arange(0, length, { device });
    const ranks = mask
      .eq(0)
      .toInt()
      .mul(length)
      .add(reverse ? positions.flip([0]) : positions);
    const order = argsort(ranks, -1);
    const firstRows = arange(0, batch, { device }).mul(length).reshape([batch, 1]);
    const flat = (index: Tensor) => index.add(firstRows).reshape([batch * length]);
    return { order: flat(order), places: flat(argsort(order, -1)) };
  });
