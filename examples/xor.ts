import { tensor } from 'wigbert';
import { BCEWithLogitsLoss, Linear, Sequential, Tanh } from 'wigbert/nn';
import { SGD } from 'wigbert/optim';
import { initWeights } from './shared.ts';

export default async function xor(): Promise<number[]> {
  const x = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const y = tensor([[0], [1], [1], [0]]);

  const model = new Sequential(new Linear(2, 8), new Tanh(), new Linear(8, 1));
  initWeights(model);
  const criterion = new BCEWithLogitsLoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.5, momentum: 0.9 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = criterion.forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
