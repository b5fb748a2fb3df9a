import { binaryCrossEntropy, noGrad, tensor, zeros } from 'wigbert';
import { uniform } from './shared.ts';

export default async function logisticRegression(): Promise<number[]> {
  const x = uniform(1, 64, 3);
  const y = x
    .matmul(tensor([[2], [-1], [0.5]]))
    .gt(0.2)
    .toFloat();

  const weight = zeros(3, 1, { requiresGrad: true });
  const bias = zeros(1, { requiresGrad: true });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const probabilities = x.matmul(weight).add(bias).sigmoid();
    const loss = binaryCrossEntropy(probabilities, y);
    loss.backward();
    noGrad(() => {
      for (const parameter of [weight, bias]) {
        parameter.sub_(parameter.grad!.mul(2));
        parameter.grad = null;
      }
    });
    losses.push(await loss.item());
  }
  const right = x.matmul(weight).add(bias).gt(0).eq(y).toFloat().mean();
  console.log(`accuracy ${await right.item()}`);
  return losses;
}
