import { afterAll, describe, expect, it } from 'vitest';
import * as w from '../../src/index.ts';
import { Function, type FunctionContext } from '../../src/tensor/function.ts';
import { Philox } from '../../src/tensor/random.ts';
import { allDevices } from '../support/devices.ts';
import { expectClose } from '../support/finiteDifferences.ts';

/**
 * `grad` with `createGraph`: the derivative of a gradient along a direction is compared with the
 * difference of two gradients.
 */

type Op = (...x: w.Tensor[]) => w.Tensor;
const { nn } = w;
const devices = await allDevices();
afterAll(() => devices[1][1]?.destroy());
const cpu = devices[0][1]!;

const ids = (...values: number[]) => w.tensor(Int32Array.from(values));
const places = () => w.tensor(Int32Array.of(1, 1, 0, 2, 3, 3), { shape: [3, 2] });
const matrix = [3, 4];
const positive =
  (f: Op): Op =>
  (x) =>
    f(x.square().add(0.5));

/** What is differentiated, and the shapes of its arguments. */
const cases: Record<string, [Op, ...number[][]]> = {
  ...Object.fromEntries(
    (
      'exp sin cos tanh sigmoid softplus gelu silu square erf erfc expm1 exp2 sinh cosh atan ' +
      'asinh mish elu celu selu softmax logSoftmax std variance logsumexp normalize'
    )
      .split(' ')
      .map((name) => [name, [(x: w.Tensor) => call(name, x), matrix]]),
  ),
  ...Object.fromEntries(
    'log sqrt rsqrt reciprocal log1p log2 log10'
      .split(' ')
      .map((name) => [name, [positive((x) => call(name, x)), matrix]]),
  ),
  ...Object.fromEntries(
    'mul atan2 hypot logaddexp'
      .split(' ')
      .map((name) => [name, [(x: w.Tensor, y: w.Tensor) => call(name, x, y), matrix, [4]]]),
  ),
  'relu of squares': [(x) => w.relu(x).square(), matrix],
  'leakyRelu of squares': [(x) => w.leakyRelu(x, 0.1).square(), matrix],
  'abs of cubes': [(x) => w.abs(x).pow(3), matrix],
  'gelu by tanh': [(x) => w.gelu(x, 'tanh'), matrix],
  div: [(x, y) => x.div(y.square().add(1)), matrix, [4]],
  norm: [(x) => w.norm(x, 1), matrix],
  vectorNorm: [(x) => w.vectorNorm(x, 3, 1), matrix],
  'pow of a tensor': [(x, e) => w.pow(x.square().add(0.5), e), matrix, matrix],
  clamp: [(x) => w.clamp(x, -2, 2).square(), matrix],
  where: [(x, y) => w.where(ids(1, 0, 1, 0), x.square(), y.exp()), matrix, matrix],
  'maximum of squares': [(x, y) => w.maximum(x, y.add(9)).square(), matrix, matrix],
  matmul: [(x, y) => w.matmul(x, y), [2, 3, 4], [4, 2]],
  'matmul with itself': [(x) => w.matmul(x, x.transpose(0, 1)), matrix],
  linear: [(x, a, b) => w.linear(x, a, b).square(), matrix, [2, 4], [2]],
  'linear with gelu': [(x, a, b) => w.linear(x, a, b, 'gelu'), matrix, [2, 4], [2]],
  'linear with tanh': [(x, a, b) => w.linear(x, a, b, 'tanh'), matrix, [2, 4], [2]],
  layerNorm: [(x, a, b) => w.layerNorm(x, [4], a, b), matrix, [4], [4]],
  dropoutAddLayerNorm: [
    (x, y, a, b) => w.dropoutAddLayerNorm(x, y, a, b),
    matrix,
    matrix,
    [4],
    [4],
  ],
  crossEntropy: [(x) => w.crossEntropy(x, ids(1, -100, 0), { labelSmoothing: 0.1 }), matrix],
  linearCrossEntropy: [
    (x, a, b) => w.linearCrossEntropy(x, a, b, ids(1, 4, 0)),
    ...[matrix, [5, 4], [5]],
  ],
  bceWithLogits: [(x) => w.binaryCrossEntropyWithLogits(x, w.ones(3, 4)), matrix],
  binaryCrossEntropy: [
    (x, y) => w.binaryCrossEntropy(x.sigmoid(), y.sigmoid()),
    ...[matrix, matrix],
  ],
  conv2d: [
    (x, k, b) => w.conv2d(x, k, b, { stride: 2, padding: 1 }).tanh(),
    ...[[2, 3, 4, 5], [2, 3, 3, 2], [2]],
  ],
  avgPool2d: [(x) => w.avgPool2d(x, 2).square(), [1, 2, 4, 4]],
  maxPool2d: [(x) => w.maxPool2d(x, 2).square(), [1, 2, 4, 4]],
  attention: [
    (q, k, v) => w.scaledDotProductAttention(q, k, v),
    ...[
      [1, 2, 3, 4],
      [1, 2, 5, 4],
      [1, 2, 5, 4],
    ],
  ],
  views: [
    (x) =>
      w.cat([x.slice([[1, 3]]).square(), x.select(0, 1).reshape([1, 4]).exp(), x.flip([0])], 0),
    matrix,
  ],
  diagonal: [(x) => w.diagonal(x).square(), matrix],
  gather: [(x) => w.gather(x, 1, places()).square(), matrix],
  scatterAdd: [(x, s) => w.scatterAdd(x, 1, places(), s).square(), matrix, [3, 2]],
  embedding: [(x) => w.embedding(ids(1, 1, 2), x, 2).square(), matrix],
  einsum: [(a, b) => w.einsum('ij,kj->ik', a, b).square(), matrix, matrix],
  cumsum: [(x) => w.cumsum(x, 1).square(), matrix],
  cdist: [(a, b) => w.cdist(a, b), matrix, [2, 4]],
};

const call = (name: string, ...args: unknown[]): w.Tensor =>
  (w as unknown as Record<string, (...args: unknown[]) => w.Tensor>)[name](...args, ...rest(name));
const rest = (name: string) => (name === 'logsumexp' ? [1] : []);

function values(seed: number, shape: readonly number[]): w.Tensor {
  const draws = new Philox(11, seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return w.tensor(
    Float32Array.from({ length: size }, () => draws.normal()),
    { shape: [...shape] },
  );
}

describe.each(devices)('grad with createGraph on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each(Object.entries(cases))('differentiates %s twice', async (_name, [f, ...shapes]) => {
    w.setDevice(device!);
    try {
      const at = shapes.map((shape, i) => values(i, shape));
      const along = shapes.map((shape, i) => values(90 + i, shape));
      const weights = values(50, f(...at).shape);
      const slopes = (moved: number, createGraph: boolean) => {
        const x = at.map((t, i) => t.add(along[i].mul(moved)).detach().requiresGrad_());
        return {
          x,
          g: w.grad(
            f(...x)
              .mul(weights)
              .sum(),
            x,
            { createGraph },
          ),
        };
      };
      const total = (g: readonly w.Tensor[]) =>
        g.map((one, i) => one.mul(along[i]).sum()).reduce((a, b) => a.add(b));
      const { x, g } = slopes(0, true);
      const plain = slopes(0, false).g;
      for (const [i, one] of g.entries())
        await expectClose(one, await plain[i].data(), one.shape, 1e-4);
      // v H v, and as the difference of v g.
      const second = w.grad(total(g), x, { allowUnused: true });
      const curvature = second
        .flatMap((one, i) => (one ? [one.mul(along[i]).sum()] : []))
        .reduce((a, b) => a.add(b));
      const step = 5e-3;
      const [after, before] = [step, -step].map((by) => total(slopes(by, false).g));
      const expected = (await after.sub(before).item()) / (2 * step);
      const error = Math.abs((await curvature.item()) - expected);
      expect(error).toBeLessThan(0.02 * Math.max(1, Math.abs(expected)));
    } finally {
      w.setDevice(cpu);
    }
  });

  here('trains with a gradient penalty, captured as eagerly', async () => {
    w.setDevice(device!);
    try {
      const x = { data: Float32Array.of(0.5, -1, 2, 1, 0, -0.5), shape: [3, 2] };
      const losses = async (captured: boolean) => {
        w.manualSeed(4);
        const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
        const optimizer = new w.SGD(model.parameters(), { lr: 0.1 });
        const step = (inputs: { x: w.Tensor }) => {
          optimizer.zeroGrad();
          const points = inputs.x.detach().requiresGrad_();
          const [slope] = w.grad(model.forward(points).sum(), points, { createGraph: true });
          const loss = slope.norm(1).sub(1).square().mean();
          loss.backward();
          optimizer.step();
          return loss;
        };
        const run = w.capture(device!, step);
        const found: number[] = [];
        for (let i = 0; i < 4; i++) {
          if (captured) found.push((await run.run({ x }))[0]);
          else found.push(await w.scope(() => step({ x: w.tensor(x.data, x) })).item());
        }
        run.dispose();
        return found;
      };
      const eager = await losses(false);
      expect(await losses(true)).toEqual(eager);
      expect(eager[3]).toBeLessThan(eager[0]);
    } finally {
      w.setDevice(cpu);
    }
  });
});

describe('grad with createGraph', () => {
  const leaf = (...x: number[]) => w.tensor(x, { requiresGrad: true });

  it('differentiates any number of times', async () => {
    const x = leaf(2);
    let y = x.pow(4);
    for (const expected of [32, 48, 48, 24]) {
      [y] = w.grad(y, x, { createGraph: true });
      expect(await y.item()).toBeCloseTo(expected, 3);
    }
  });

  it('counts as constant what is detached, also of the same memory', async () => {
    const x = leaf(1, 2);
    const [g] = w.grad(x.mul(x.detach()).mul(x).sum(), x, { createGraph: true });
    const [h] = w.grad(g.sum(), x);
    expect(await h.tolist()).toEqual([2, 4]);
  });

  it('calls hooks, and passes through what they return', async () => {
    const x = leaf(3);
    const y = x.square();
    y.registerHook((gradient) => gradient.mul(2));
    const [g] = w.grad(y.square(), x, { createGraph: true });
    expect(await g.item()).toBe(4 * 27 * 2);
    // 8 y x: the hook doubles what comes by way of y again.
    expect(await w.grad(g, x)[0].item()).toBe(8 * 9 + 2 * 8 * 3 * 6);
  });

  it('takes a tensor that is two inputs once, and its hooks once', async () => {
    const z = () => w.tensor([[1, -2, 4]], { requiresGrad: true });
    const [weight, bias] = [leaf(1, 2, 3), leaf(0, 1, 0)];
    const twice = (x: w.Tensor) => w.dropoutAddLayerNorm(x, x, weight, bias, { p: 0 });
    const once = (x: w.Tensor) => w.layerNorm(x, [3], weight, bias);
    const functions = [twice, once, (x: w.Tensor) => w.crossEntropy(x, ids(1))];
    for (const f of functions) {
      const x = z();
      x.registerHook((gradient) => gradient.mul(2));
      const scale = w.tensor([1, 3, -1]);
      const y = () => f(x).mul(scale).sum();
      const [plain] = w.grad(y(), x);
      const [recorded] = w.grad(y(), x, { createGraph: true });
      await expectClose(recorded, await plain.data());
    }
  });

  it('takes an output that nothing depends on for constant, infinite or not', async () => {
    class Pair extends Function {
      static forward(ctx: FunctionContext, x: w.Tensor): [w.Tensor, w.Tensor] {
        ctx.saveForBackward(x);
        return [x.mul(2), x.log()];
      }
      static backward(ctx: FunctionContext, a: w.Tensor, b: w.Tensor): w.Tensor {
        return a.mul(2).add(b.div(ctx.savedTensors[0].add(1)));
      }
    }
    const x = leaf(0, 1);
    const [doubled] = Pair.apply(x) as unknown as [w.Tensor, w.Tensor];
    const [g] = w.grad(doubled.sum(), x, { createGraph: true });
    expect(await g.tolist()).toEqual([2, 2]);
  });

  it.each([
    ['prod', (x: w.Tensor) => w.prod(x)],
    ['cumprod', (x: w.Tensor) => w.cumprod(x)],
    ['lstmLayer', (x: w.Tensor) => new nn.LSTM(2, 2).forward(x.reshape([1, 1, 2]))[0]],
  ])('names %s, which has no second derivatives', (name, f) => {
    const x = leaf(1, 2);
    expect(() => w.grad(f(x).sum(), x, { createGraph: true })).toThrow(
      `the gradient of ${name} cannot be differentiated again`,
    );
    w.grad(f(x).sum(), x);
  });

  it('refuses an own function whose backward uses what it computed on the way', () => {
    type CubeContext = FunctionContext & { square?: w.Tensor };
    class Cube extends Function {
      static forward(ctx: CubeContext, x: w.Tensor): w.Tensor {
        ctx.square = x.detach().square();
        return x.mul(ctx.square);
      }
      static backward(ctx: CubeContext, dy: w.Tensor): w.Tensor {
        return dy.mul(ctx.square!).mul(3);
      }
    }
    const x = leaf(2);
    expect(() => w.grad(Cube.apply(x), x, { createGraph: true })).toThrow('Cube cannot be');
  });
});
