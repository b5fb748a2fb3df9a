import { afterAll, describe, expect, it } from 'vitest';
import { Linear } from '../../src/nn/index.ts';
import { AdamW } from '../../src/nn/optim/index.ts';
import {
  capture,
  checkpoint,
  dropout,
  grad,
  keep,
  manualSeed,
  noGrad,
  rand,
  randint,
  randn,
  scope,
  setDevice,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));

type Block = (x: Tensor) => Tensor;
type Wrap = (block: Block) => Block;
const plain: Wrap = (block) => block;
const checkpointed: Wrap = (block) => (x) => checkpoint(block, x);
const nested: Wrap = (block) => (x) => checkpoint((y) => checkpoint(block, y), x);

describe.each(devices)('checkpoint on %s', (_, device) => {
  const leaf = (values: number[]) => tensor(values, { device: device!, requiresGrad: true });

  /** Bits of losses, of gradients, and of the random numbers that follow, over some steps. */
  async function train(wrap: Wrap, isCaptured: boolean): Promise<unknown> {
    setDevice(device!);
    manualSeed(5);
    const x = keep(randn(4, 6));
    const layers = [new Linear(6, 6), new Linear(6, 6)];
    const parameters = layers.flatMap((layer) => layer.parameters());
    const optimizer = new AdamW(parameters, { lr: 0.1 });
    // The first layer is used twice, inside the block and outside.
    const block: Block = (h) => {
      const noise = rand(4, 6).mul(randint(1, 3, [4, 6]).toFloat());
      return dropout(layers[1].forward(layers[0].forward(h).tanh()), 0.5)
        .add(noise)
        .add(h);
    };
    const run = wrap(block);
    const forward = ({ scale }: { scale: Tensor }) => {
      const h = layers[0].forward(x.mul(scale));
      const y = run(run(h));
      return y.add(h).square().mean();
    };
    const step = capture(device!, (inputs: { scale: Tensor }) => {
      const loss = forward(inputs);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const scale = { data: Float32Array.of(1 + i), shape: [1] };
      if (isCaptured) losses.push(...(await step.run({ scale })));
      else {
        const loss = scope(() => {
          const result = forward({ scale: tensor(scale.data) });
          result.backward();
          optimizer.step();
          optimizer.zeroGrad();
          return result;
        });
        losses.push(await loss.item());
      }
    }
    step.dispose();
    const weights = await Promise.all(parameters.map((parameter) => parameter.tolist()));
    return { losses, weights, next: await randn(3).tolist() };
  }

  it.skipIf(!device)('gives the same bits, eager and captured, nested too', async () => {
    const expected = await train(plain, false);
    expect(await train(checkpointed, false)).toEqual(expected);
    expect(await train(checkpointed, true)).toEqual(expected);
    expect(await train(nested, true)).toEqual(expected);
    expect(await train(nested, false)).toEqual(expected);
  });

  it.skipIf(!device)('takes and gives structures of tensors', async () => {
    const [x, w] = [leaf([1, 2]), leaf([3, 4])];
    const fixed = tensor([7], { device: device! });
    const result = checkpoint(
      ({ first }: { first: Tensor }, factor: number) => ({
        states: [first.mul(w), first.mul(factor)],
        fixed,
        count: 2,
      }),
      { first: x },
      10,
    );
    expect([result.fixed, result.count]).toEqual([fixed, 2]);
    const [first, second] = result.states;
    const [dx, dw] = grad([first.sum(), second.sum()], [x, w]);
    expect([await dx.tolist(), await dw.tolist()]).toEqual([
      [13, 14],
      [1, 2],
    ]);
  });

  it.skipIf(!device)('records nothing where nothing requires a gradient', () => {
    const x = leaf([1, 2]);
    expect(checkpoint((y) => y.exp(), x.detach()).requiresGrad).toBe(false);
    expect(noGrad(() => checkpoint((y) => y.exp(), x)).requiresGrad).toBe(false);
    expect(checkpoint((y) => y, x)).toBe(x);
  });

  it.skipIf(!device)('may be gone through again with retainGraph', async () => {
    const x = leaf([1, 2]);
    const y = checkpoint((h) => dropout(h.exp(), 0.5), x).sum();
    const [first] = grad(y, x, { retainGraph: true });
    const [second] = grad(y, x);
    expect(await second.tolist()).toEqual(await first.tolist());
    expect(() => grad(y, x)).toThrow(/was used before/);
  });

  it.skipIf(!device)('calls the hooks of tensors inside', async () => {
    const x = leaf([1, 2]);
    const y = checkpoint((h) => {
      const inner = h.mul(2);
      if (inner.requiresGrad) inner.registerHook((gradient) => gradient.mul(100));
      return inner.mul(3);
    }, x);
    y.sum().backward();
    expect(await x.grad!.tolist()).toEqual([600, 600]);
  });

  const broken: [string, RegExp, () => Tensor][] = [
    [
      'an input that was overwritten',
      /checkpoint needs .* copy_ has overwritten/,
      () => {
        const x = tensor([1, 2], { device: device! });
        const y = checkpoint((h) => h.mul(leafOf), x);
        x.copy_([3, 4]);
        return y;
      },
    ],
    [
      'other random draws',
      /expected 1 random draws, as in the first run/,
      () => {
        let p = 0.5;
        const y = checkpoint((h) => dropout(h, p), leaf([1, 2]));
        p = 0;
        return y;
      },
    ],
    [
      'other shapes',
      /expected results of shapes \[2\].* got \[1\]/,
      () => {
        let end = 2;
        const y = checkpoint((h) => h.slice([[0, end]]).mul(1), leaf([1, 2]));
        end = 1;
        return y;
      },
    ],
    [
      'other parameters',
      /the function uses .* which it did not the first time/,
      () => {
        let w = leaf([1, 2]);
        const y = checkpoint((h) => h.mul(w), leaf([1, 2]));
        w = leaf([3, 4]);
        return y;
      },
    ],
  ];
  const leafOf = device ? leaf([5, 6]) : (undefined as unknown as Tensor);
  it.skipIf(!device).each(broken)('refuses %s', (_, message, make) => {
    const y = make();
    expect(() => y.sum().backward()).toThrow(message);
  });

  it.skipIf(!device)('needs less memory', async () => {
    setDevice(device!);
    const width = 64;
    const layers = Array.from({ length: 8 }, () => new Linear(width, width));
    const peakOf = async (wrap: Wrap) => {
      const before = device!.memory().bytes;
      let most = 0;
      const watch = () => {
        most = Math.max(most, device!.memory().bytes - before);
      };
      scope(() => {
        let x = randn(256, width);
        for (let i = 0; i < layers.length; i += 2)
          x = wrap((h) => layers[i + 1].forward(layers[i].forward(h).tanh().exp().tanh()).tanh())(
            x,
          );
        watch();
        x.sum().backward();
      });
      for (const layer of layers) layer.zeroGrad();
      await device!.synchronize();
      return most;
    };
    const without = await peakOf(plain);
    expect(await peakOf(checkpointed)).toBeLessThan(0.4 * without);
  });
});
