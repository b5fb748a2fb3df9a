import { huberLoss, noGrad, type Tensor } from 'wigbert';
import { Dropout, data, Linear, ReLU, Sequential } from 'wigbert/nn';
import { Adam, ReduceLROnPlateau } from 'wigbert/optim';
import { initWeights, uniform } from './shared.ts';

export default async function earlyStopping(): Promise<number[]> {
  const x = uniform(1, 60, 4);
  const noise = uniform(2, 60, 1);
  const y = x.mul(2).sin().sum(1, true).add(noise);
  const dataset = new data.TensorDataset(x, y);
  const [train, valid] = data.randomSplit(dataset, [0.8, 0.2], 1);
  const trainLoader = new data.DataLoader(train, { batchSize: 16 });
  const validLoader = new data.DataLoader(valid, { batchSize: 16 });

  const model = new Sequential(new Linear(4, 16), new ReLU(), new Dropout(0), new Linear(16, 1));
  initWeights(model);
  const optimizer = new Adam(model.parameters(), { lr: 0.03 });
  const scheduler = new ReduceLROnPlateau(optimizer, { patience: 3, factor: 0.5 });

  const losses: number[] = [];
  let best = { loss: Number.POSITIVE_INFINITY, epoch: 0, weights: new Map<string, Tensor>() };
  for (let epoch = 0; epoch < 20 && epoch - best.epoch <= 5; epoch++) {
    model.train();
    for await (const [inputs, targets] of trainLoader) {
      optimizer.zeroGrad();
      huberLoss(model.forward(inputs), targets).backward();
      optimizer.step();
    }
    model.eval();
    let sum = 0;
    for await (const [inputs, targets] of validLoader)
      sum += await noGrad(() =>
        huberLoss(model.forward(inputs), targets, { reduction: 'sum' }),
      ).item();
    const loss = sum / valid.length;
    scheduler.step(loss);
    losses.push(loss);
    if (loss < best.loss) {
      const weights = [...model.stateDict()].map(([name, t]) => [name, t.clone()] as const);
      best = { loss, epoch, weights: new Map(weights) };
    }
  }
  model.loadStateDict(best.weights);
  const predicted = noGrad(() => model.forward(x));
  losses.push(await noGrad(() => huberLoss(predicted, y)).item());
  return losses;
}
