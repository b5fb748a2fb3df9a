/**
 * An operation of one's own: checks its kernels and its gradient, trains with it, and shows what
 * its launches cost. `node dist/examples/run.js custom-kernel/main` runs it;
 * `npx wigbert bench --module dist/examples/custom-kernel/swiglu.js` times the kernels, and
 * `npx wigbert kernels --module …` prints their WGSL.
 */
import { capture, defaultDevice, manualSeed, randn, type Tensor } from 'wigbert';
import { checkKernel, gradCheck } from 'wigbert/kernels';
import { Linear, Module, MSELoss } from 'wigbert/nn';
import { AdamW } from 'wigbert/optim';
import { swiglu, swigluBackward, swigluForward } from './swiglu.ts';

/** A feed-forward network with a gate. */
class GatedFeedForward extends Module {
  readonly up: Linear;
  readonly down: Linear;

  constructor(width: number, hidden: number) {
    super();
    this.up = new Linear(width, 2 * hidden);
    this.down = new Linear(hidden, width);
  }

  forward(x: Tensor): Tensor {
    return this.down.forward(swiglu(this.up.forward(x)));
  }
}

export default async function customKernel(): Promise<number[]> {
  const device = defaultDevice();
  manualSeed(0);

  // The device against the reference, and the gradient against finite differences.
  for (const kernel of [swigluForward, swigluBackward]) await checkKernel(kernel, device);
  await gradCheck(swiglu, [randn([3, 8], { requiresGrad: true })]);

  const model = new GatedFeedForward(8, 16);
  const target = new GatedFeedForward(8, 16);
  const optimizer = new AdamW(model.parameters(), { lr: 0.02 });
  const criterion = new MSELoss();
  const step = capture(device, ({ x }: { x: Tensor }) => {
    const loss = criterion.forward(model.forward(x), target.forward(x).detach());
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  });
  const x = { shape: [64, 8], data: (await randn(64, 8).data()) as Float32Array };
  const losses: number[] = [];
  for (let i = 0; i < 20; i++) losses.push((await step.run({ x }))[0]);
  step.dispose();

  console.log('step  loss');
  for (const i of [0, 4, 9, 14, 19])
    console.log(`${String(i + 1).padStart(4)}  ${losses[i].toFixed(6)}`);
  await printTimes(() =>
    swiglu(randn([512, 512], { requiresGrad: true }))
      .sum()
      .backward(),
  );
  return losses;
}

/** Kernels that `run` launches, where the adapter has a clock. */
async function printTimes(run: () => void): Promise<void> {
  const device = defaultDevice();
  try {
    device.startProfile();
  } catch {
    return;
  }
  run();
  const times = await device.stopProfile();
  console.log('\nkernel          launches  µs');
  for (const { kernel, launches, seconds } of times)
    console.log(
      `${kernel.padEnd(14)}  ${String(launches).padStart(8)}  ${(seconds * 1e6).toFixed(0)}`,
    );
}
