import { tensor } from 'wigbert';
import { CrossEntropyLoss, Linear, ReLU, Sequential } from 'wigbert/nn';
import { AdamW, StepLR } from 'wigbert/optim';
import { initWeights } from './shared.ts';

/** Points of three arms of a spiral. */
function spirals(perArm: number) {
  const points: number[][] = [];
  const labels: number[] = [];
  for (let arm = 0; arm < 3; arm++)
    for (let i = 0; i < perArm; i++) {
      const radius = (i + 1) / perArm;
      const angle = 4 * radius + (arm * 2 * Math.PI) / 3;
      points.push([radius * Math.cos(angle), radius * Math.sin(angle)]);
      labels.push(arm);
    }
  return { x: tensor(points), y: tensor(labels, { dtype: 'int32' }) };
}

export default async function main(): Promise<number[]> {
  const { x, y } = spirals(40);
  const model = new Sequential(
    new Linear(2, 32),
    new ReLU(),
    new Linear(32, 32),
    new ReLU(),
    new Linear(32, 3),
  );
  initWeights(model);
  const criterion = new CrossEntropyLoss();
  const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
  const scheduler = new StepLR(optimizer, 10, { gamma: 0.5 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = criterion.forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    scheduler.step();
    losses.push(await loss.item());
  }
  return losses;
}
