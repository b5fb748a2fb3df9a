import type { Tensor } from 'wigbert';
import { CrossEntropyLoss, Dropout, Embedding, Linear, LSTM, Module } from 'wigbert/nn';
import { Adam } from 'wigbert/optim';
import { initWeights, integers } from './shared.ts';

class Classifier extends Module {
  embedding = new Embedding(30, 12);
  lstm = new LSTM(12, 16, { numLayers: 2, batchFirst: true, dropout: 0.0 });
  dropout = new Dropout(0.0);
  fc = new Linear(16, 2);

  forward(ids: Tensor, lengths: Tensor): Tensor {
    const [, [hidden]] = this.lstm.forward(this.embedding.forward(ids), undefined, lengths);
    return this.fc.forward(this.dropout.forward(hidden.select(0, -1)));
  }
}

export default async function lstmClassifier(): Promise<number[]> {
  const ids = integers(1, 1, 30, 10, 8);
  const lengths = integers(2, 3, 9, 10);
  const labels = ids.select(1, 0).gt(15).toInt();

  const model = new Classifier();
  initWeights(model);
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const criterion = new CrossEntropyLoss();

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = criterion.forward(model.forward(ids, lengths), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
