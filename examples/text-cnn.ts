import { cat, type Tensor } from 'wigbert';
import { Conv1d, CrossEntropyLoss, Embedding, Linear, Module } from 'wigbert/nn';
import { Adam } from 'wigbert/optim';
import { initWeights, integers } from './shared.ts';

/** Convolutions of several widths, each with its maximum over time (Kim 2014). */
class TextCNN extends Module {
  embedding = new Embedding(50, 16, { paddingIdx: 0 });
  convs = [2, 3, 4].map((width) => new Conv1d(16, 8, width));
  fc = new Linear(24, 2);

  forward(ids: Tensor): Tensor {
    const x = this.embedding.forward(ids).transpose(1, 2);
    const pooled = this.convs.map((conv) => conv.forward(x).relu().max(-1).values);
    return this.fc.forward(cat(pooled, -1));
  }
}

export default async function textCnn(): Promise<number[]> {
  const ids = integers(1, 1, 50, 32, 12);
  // A text is positive if it has more high words than low ones.
  const labels = ids.gt(25).toFloat().sum(1).gt(6).toInt();

  const model = new TextCNN();
  initWeights(model);
  const criterion = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = criterion.forward(model.forward(ids), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
