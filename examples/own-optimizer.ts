import { noGrad, smoothL1Loss, type Tensor, zerosLike } from 'wigbert';
import { Linear, Sequential, SiLU } from 'wigbert/nn';
import { Optimizer } from 'wigbert/optim';
import { initWeights, uniform } from './shared.ts';

/** Lion (Chen et al. 2023, arXiv 2302.06675): the sign of a moving mean of gradients. */
class Lion extends Optimizer<{ lr: number; weightDecay: number }> {
  readonly #means = new Map<Tensor, Tensor>();

  constructor(params: Tensor[], { lr = 1e-4, weightDecay = 0 } = {}) {
    super(params, { lr, weightDecay });
  }

  override step(): void {
    noGrad(() => {
      for (const { params, lr, weightDecay } of this.paramGroups)
        for (const p of params) {
          if (!p.grad) continue;
          const mean = this.#means.get(p) ?? zerosLike(p);
          this.#means.set(p, mean);
          const update = mean.mul(0.9).add(p.grad.mul(0.1)).sign();
          p.mul_(1 - lr * weightDecay).sub_(update.mul(lr));
          mean.mul_(0.99).add_(p.grad.mul(0.01));
        }
    });
  }
}

export default async function ownOptimizer(): Promise<number[]> {
  const x = uniform(1, 40, 4);
  const y = x.mul(3).sin().sum(1, true);

  const model = new Sequential(new Linear(4, 24), new SiLU(), new Linear(24, 1));
  initWeights(model);
  const optimizer = new Lion(model.parameters(), { lr: 0.01, weightDecay: 0.1 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = smoothL1Loss(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
