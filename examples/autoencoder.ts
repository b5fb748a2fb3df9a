import type { Tensor } from 'wigbert';
import { Linear, Module, MSELoss, ReLU, Sequential, Sigmoid } from 'wigbert/nn';
import { Adam } from 'wigbert/optim';
import { initWeights, uniform } from './shared.ts';

class Autoencoder extends Module {
  encoder = new Sequential(new Linear(36, 16), new ReLU(), new Linear(16, 3));
  decoder = new Sequential(new Linear(3, 16), new ReLU(), new Linear(16, 36), new Sigmoid());

  forward(x: Tensor): Tensor {
    return this.decoder.forward(this.encoder.forward(x));
  }
}

export default async function autoencoder(): Promise<number[]> {
  // Images of 6 × 6 that two numbers determine.
  const codes = uniform(1, 48, 2);
  const images = codes
    .matmul(uniform(2, 2, 36))
    .mul(4)
    .sigmoid();

  const model = new Autoencoder();
  initWeights(model);
  const criterion = new MSELoss();
  const optimizer = new Adam(model.parameters(), { lr: 0.01, amsgrad: true });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = criterion.forward(model.forward(images), images);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
