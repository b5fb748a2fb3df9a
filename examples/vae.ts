import type { Tensor } from 'wigbert';
import { mseLoss } from 'wigbert';
import { Linear, Module } from 'wigbert/nn';
import { Adam } from 'wigbert/optim';
import { initWeights, uniform } from './shared.ts';

/** A variational autoencoder (Kingma & Welling 2014). */
class VAE extends Module {
  hidden = new Linear(20, 16);
  mu = new Linear(16, 2);
  logvar = new Linear(16, 2);
  decoder = new Linear(2, 16);
  out = new Linear(16, 20);

  forward(x: Tensor, noise: Tensor): [reconstruction: Tensor, mu: Tensor, logvar: Tensor] {
    const h = this.hidden.forward(x).tanh();
    const [mu, logvar] = [this.mu.forward(h), this.logvar.forward(h)];
    const z = mu.add(logvar.mul(0.5).exp().mul(noise));
    return [this.out.forward(this.decoder.forward(z).tanh()), mu, logvar];
  }
}

export default async function vae(): Promise<number[]> {
  const x = uniform(1, 32, 2)
    .matmul(uniform(2, 2, 20))
    .sin();

  const model = new VAE();
  initWeights(model);
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    // A program of one's own draws `randnLike(mu)`; this noise is equal in both languages.
    const noise = uniform(step, 32, 2).mul(Math.sqrt(3));
    const [reconstruction, mu, logvar] = model.forward(x, noise);
    const kl = logvar.add(1).sub(mu.square()).sub(logvar.exp()).sum().mul(-0.5);
    const loss = mseLoss(reconstruction, x, 'sum').add(kl).div(x.shape[0]);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
