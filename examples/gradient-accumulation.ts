import { tensor } from 'wigbert';
import { CrossEntropyLoss, Dropout, GELU, LayerNorm, Linear, Sequential } from 'wigbert/nn';
import { AdamW, clipGradNorm, getCosineScheduleWithWarmup } from 'wigbert/optim';
import { initWeights, uniform } from './shared.ts';

const ACCUMULATION = 4;

export default async function gradientAccumulation(): Promise<number[]> {
  const x = uniform(1, 64, 6);
  // One row in four is positive: its class weighs more.
  const y = x.sum(1).gt(1).toInt();
  const criterion = new CrossEntropyLoss({ weight: tensor([1, 3]) });

  const model = new Sequential(
    new Linear(6, 16),
    new LayerNorm(16),
    new GELU(),
    new Dropout(0),
    new Linear(16, 2),
  );
  initWeights(model);
  const decay = model.namedParameters().filter(([name]) => name.endsWith('weight'));
  const noDecay = model.namedParameters().filter(([name]) => name.endsWith('bias'));
  const optimizer = new AdamW(
    [
      { params: decay.map(([, parameter]) => parameter), weightDecay: 0.1 },
      { params: noDecay.map(([, parameter]) => parameter), weightDecay: 0 },
    ],
    { lr: 0.02 },
  );
  const scheduler = getCosineScheduleWithWarmup(optimizer, 4, 20);

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    let total = 0;
    for (const [inputs, labels] of x
      .chunk(ACCUMULATION)
      .map((part, i) => [part, y.chunk(ACCUMULATION)[i]])) {
      const loss = criterion.forward(model.forward(inputs), labels).div(ACCUMULATION);
      loss.backward();
      total += await loss.item();
    }
    clipGradNorm(model.parameters(), 0.5);
    optimizer.step();
    scheduler.step();
    optimizer.zeroGrad();
    losses.push(total);
  }
  return losses;
}
