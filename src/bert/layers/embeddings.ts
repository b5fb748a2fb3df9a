import { Dropout, Embedding, LayerNorm, Module } from '../../nn/index.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { embedding, type Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';

/** Sum of word, position and segment embeddings, normalised (Devlin et al. 2019, arXiv 1810.04805, §3). */
export class BertEmbeddings extends Module {
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly tokenTypeEmbeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: BertConfig) {
    super();
    this.wordEmbeddings = new Embedding(config.vocabSize, config.hiddenSize, config.padTokenId);
    this.positionEmbeddings = new Embedding(config.maxPositionEmbeddings, config.hiddenSize);
    this.tokenTypeEmbeddings = new Embedding(config.typeVocabSize, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.layerNormEps);
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  /**
   * ids: [batch, length] → [batch, length, hidden]. Segments default to 0, positions to 0, 1, 2, …
   * @throws ArgumentError when the text is longer than the positions there are, or an id has no row.
   */
  forward(ids: Tensor, tokenTypeIds?: Tensor, positionIds?: Tensor): Tensor {
    const length = ids.shape[1];
    const positions = this.positionEmbeddings.weight;
    if (!positionIds && length > positions.shape[0]) {
      throw new ArgumentError(
        `BertEmbeddings: a text of ${length} tokens is longer than maxPositionEmbeddings (${positions.shape[0]})`,
      );
    }
    const types = this.tokenTypeEmbeddings;
    // The default positions and segments are the same in each row: no look-up, and a cheap gradient.
    const position = positionIds
      ? embedding(positionIds, positions)
      : positions.slice([[0, length]]);
    const type = tokenTypeIds ? types.forward(tokenTypeIds) : types.weight.slice([[0, 1]]);
    const sum = this.wordEmbeddings.forward(ids).add(type).add(position);
    return this.dropout.forward(this.LayerNorm.forward(sum));
  }
}
