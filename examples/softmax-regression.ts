import { crossEntropy, tensor } from 'wigbert';
import { Linear } from 'wigbert/nn';
import { SGD } from 'wigbert/optim';
import { initWeights, integers, uniform } from './shared.ts';

export default async function softmaxRegression(): Promise<number[]> {
  const centers = tensor([
    [1, 1],
    [-1, 1],
    [0, -1],
  ]);
  const y = integers(1, 0, 3, 90);
  // The sum of three uniform numbers is close to a normal one.
  const noise = uniform(2, 90, 2)
    .add(uniform(3, 90, 2))
    .add(uniform(4, 90, 2));
  const x = centers.indexSelect(0, y).add(noise.mul(0.5));

  const model = new Linear(2, 3);
  initWeights(model);
  const optimizer = new SGD(model.parameters(), { lr: 0.5, weightDecay: 1e-3 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const logits = model.forward(x);
    const loss = crossEntropy(logits, y, { labelSmoothing: 0.05 });
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const accuracy = await model.forward(x).argmax(-1).eq(y).toFloat().mean().item();
  console.log(`accuracy ${accuracy.toFixed(2)}`);
  return losses;
}
