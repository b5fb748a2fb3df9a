import { arange, type Tensor } from 'wigbert';
import { CrossEntropyLoss, Embedding, GRU, Linear, Module } from 'wigbert/nn';
import { AdamW } from 'wigbert/optim';
import { initWeights, integers } from './shared.ts';

const TAGS = 4;

class Tagger extends Module {
  embedding = new Embedding(40, 12);
  gru = new GRU(12, 10, { batchFirst: true, bidirectional: true });
  fc = new Linear(20, TAGS);

  forward(ids: Tensor): Tensor {
    const [states] = this.gru.forward(this.embedding.forward(ids));
    return this.fc.forward(states);
  }
}

export default async function gruTagger(): Promise<number[]> {
  const ids = integers(1, 0, 40, 8, 7);
  const lengths = integers(2, 3, 8, 8, 1);
  const padding = arange(7).ge(lengths);
  // The tag of a word depends on the word before.
  const tags = ids.roll(1, 1).remainder(TAGS).maskedFill(padding, -100);

  const model = new Tagger();
  initWeights(model);
  const criterion = new CrossEntropyLoss({ ignoreIndex: -100 });
  const optimizer = new AdamW(model.parameters(), { lr: 0.02, weightDecay: 0.05 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    // Classes come second: [batch, tags, length].
    const loss = criterion.forward(model.forward(ids).transpose(1, 2), tags);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
