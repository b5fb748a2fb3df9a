import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from 'wigbert/nn';
import { SGD } from 'wigbert/optim';
import { initWeights, integers, uniform } from './shared.ts';

export default async function convNet(): Promise<number[]> {
  // Noisy images of four patterns.
  const labels = integers(1, 0, 4, 12);
  const patterns = uniform(2, 4, 1, 8, 8).indexSelect(0, labels);
  const images = patterns.add(uniform(3, 12, 1, 8, 8).mul(0.3));

  const model = new Sequential(
    new Conv2d(1, 8, 3, { padding: 1 }),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(8, 16, 3, { padding: 1, stride: 2 }),
    new ReLU(),
    new AdaptiveAvgPool2d(1),
    new Flatten(),
    new Linear(16, 4),
  );
  initWeights(model);
  const criterion = new CrossEntropyLoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, nesterov: true });

  model.train();
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = criterion.forward(model.forward(images), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  model.eval();
  // Batch normalisation now uses its running means.
  losses.push(await criterion.forward(model.forward(images), labels).item());
  return losses;
}
