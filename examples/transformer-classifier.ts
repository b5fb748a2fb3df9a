import { arange, crossEntropy, type Tensor } from 'wigbert';
import { Embedding, Linear, Module, TransformerEncoder, TransformerEncoderLayer } from 'wigbert/nn';
import { AdamW } from 'wigbert/optim';
import { initWeights, integers } from './shared.ts';

const [WORDS, LENGTH, SIZE] = [40, 10, 16];

class Classifier extends Module {
  words = new Embedding(WORDS, SIZE);
  positions = new Embedding(LENGTH, SIZE);
  encoder: TransformerEncoder;
  fc = new Linear(SIZE, 2);

  constructor() {
    super();
    const layer = new TransformerEncoderLayer(SIZE, 2, {
      dimFeedforward: 32,
      dropout: 0,
      batchFirst: true,
    });
    this.encoder = new TransformerEncoder(layer, 2);
  }

  /** The mean of the states of real tokens decides. padding: [batch, length], true for padding. */
  forward(ids: Tensor, padding: Tensor): Tensor {
    const x = this.words.forward(ids).add(this.positions.forward(arange(LENGTH)));
    const states = this.encoder.forward(x, { srcKeyPaddingMask: padding });
    const real = padding.logicalNot().toFloat().unsqueeze(-1);
    return this.fc.forward(states.mul(real).sum(1).div(real.sum(1)));
  }
}

export default async function transformerClassifier(): Promise<number[]> {
  const lengths = integers(1, 3, LENGTH + 1, 24, 1);
  const padding = arange(LENGTH).ge(lengths);
  const ids = integers(2, 1, WORDS, 24, LENGTH).maskedFill(padding, 0);
  const labels = ids
    .select(1, 1)
    .gt(WORDS / 2)
    .toInt();

  const model = new Classifier();
  initWeights(model);
  const optimizer = new AdamW(model.parameters(), { lr: 0.002 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = crossEntropy(model.forward(ids, padding), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
