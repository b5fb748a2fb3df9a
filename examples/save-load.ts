import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from 'wigbert';
import { loadSafetensors, mseLoss, saveSafetensors } from 'wigbert';
import { Linear, Module, RMSNorm } from 'wigbert/nn';
import { AdamW } from 'wigbert/optim';
import { initWeights, uniform } from './shared.ts';

class Net extends Module {
  inner = new Linear(5, 16);
  norm = new RMSNorm(16);
  outer = new Linear(16, 1);

  forward(x: Tensor): Tensor {
    return this.outer.forward(this.norm.forward(this.inner.forward(x)).relu());
  }
}

export default async function saveLoad(): Promise<number[]> {
  const x = uniform(1, 40, 5);
  const y = x.square().sum(1, true);
  const losses: number[] = [];
  const train = async (model: Net, optimizer: AdamW) => {
    for (let step = 0; step < 10; step++) {
      const loss = mseLoss(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      losses.push(await loss.item());
    }
  };

  const model = new Net();
  initWeights(model);
  const optimizer = new AdamW(model.parameters(), { lr: 0.02 });
  await train(model, optimizer);
  const folder = await mkdtemp(join(tmpdir(), 'wigbert-'));
  await saveSafetensors(model.stateDict(), join(folder, 'net.safetensors'));

  // A second program would begin here.
  const copy = new Net();
  copy.loadStateDict(await loadSafetensors(join(folder, 'net.safetensors')));
  const continued = new AdamW(copy.parameters(), { lr: 0.02 });
  continued.loadStateDict(optimizer.stateDict());
  await train(copy, continued);
  await rm(folder, { recursive: true });
  return losses;
}
