import { afterAll, describe, expect, it, test } from 'vitest';
import { Function, type FunctionContext } from '../../src/tensor/function.ts';
import { capture, grad, noGrad, setDevice, type Tensor, tensor } from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));

type ScaleContext = FunctionContext & { factor: number };

/** x factor, with an argument that is not a tensor. */
class Scale extends Function {
  static forward(ctx: ScaleContext, x: Tensor, factor: number) {
    ctx.factor = factor;
    return x.mul(factor);
  }
  static backward(ctx: ScaleContext, dy: Tensor) {
    return [dy.mul(ctx.factor), null];
  }
}

/** The sum and the product of two tensors. */
class SumAndProduct extends Function {
  static needed: readonly boolean[];
  static forward(ctx: FunctionContext, a: Tensor, b: Tensor): [Tensor, Tensor] {
    ctx.saveForBackward(a, b);
    return [a.add(b), a.mul(b)];
  }
  static backward(ctx: FunctionContext, dSum: Tensor, dProduct: Tensor) {
    const [a, b] = ctx.savedTensors;
    SumAndProduct.needed = ctx.needsInputGrad;
    return [dSum.add(dProduct.mul(b)), ctx.needsInputGrad[1] ? dSum.add(dProduct.mul(a)) : null];
  }
}

/** exp, whose backward needs the result. */
class Exp extends Function {
  static forward(ctx: FunctionContext, x: Tensor) {
    const y = x.exp();
    ctx.saveForBackward(y);
    return y;
  }
  static backward(ctx: FunctionContext, dy: Tensor) {
    const [y] = ctx.savedTensors;
    return dy.mul(y);
  }
}

/** A function whose backward returns what is given. */
const returning = (gradients: unknown, outputs: unknown = undefined) =>
  class Broken extends Function {
    static forward(_: FunctionContext, x: Tensor, y: Tensor) {
      return (outputs === undefined ? x.add(y) : outputs) as Tensor;
    }
    static backward() {
      return gradients as Tensor[];
    }
  };

/** Compiled, never called: `npm run typecheck` fails if one of the errors is none. */
function mistakes(x: Tensor): void {
  // @ts-expect-error a missing argument
  Scale.apply(x);
  // @ts-expect-error an argument of another type
  Scale.apply(x, x);
  const [sum, product]: [Tensor, Tensor] = SumAndProduct.apply(x, x);
  // @ts-expect-error one tensor, not two
  const [first] = Scale.apply(sum, 2);
  class Forgetful extends Function {
    static forward(_: FunctionContext, x: Tensor) {
      return x;
    }
    static backward() {}
  }
  // @ts-expect-error a backward that returns nothing
  Forgetful.apply(product, first);
}

test('the types of a function are those of its forward', () => {
  expect(mistakes).toBeTypeOf('function');
});

describe.each(devices)('functions on %s', (_, device) => {
  const leaf = (values: number[]) => tensor(values, { device: device!, requiresGrad: true });

  it.skipIf(!device)('take arguments that are no tensors', async () => {
    const x = leaf([1, 2]);
    const y = Scale.apply(x, 3);
    y.sum().backward();
    expect([await y.tolist(), await x.grad!.tolist()]).toEqual([
      [3, 6],
      [3, 3],
    ]);
  });

  it.skipIf(!device)('have several results, of which some may be unused', async () => {
    const [a, b] = [leaf([1, 2]), leaf([5, 7])];
    const [sum, product] = SumAndProduct.apply(a, b);
    sum.add(product.mul(2)).sum().backward();
    expect([await a.grad!.tolist(), await b.grad!.tolist()]).toEqual([
      [11, 15],
      [3, 5],
    ]);
    const [, alone] = SumAndProduct.apply(a, b);
    const [da] = grad(alone.sum(), a);
    expect(await da.tolist()).toEqual([5, 7]);
  });

  it.skipIf(!device)('know which gradients are needed', async () => {
    const a = leaf([1, 2]);
    const [sum] = SumAndProduct.apply(a, a.detach());
    sum.sum().backward();
    expect(SumAndProduct.needed).toEqual([true, false]);
    expect(await a.grad!.tolist()).toEqual([1, 1]);
    const [unrecorded] = noGrad(() => SumAndProduct.apply(a, a));
    expect(unrecorded.requiresGrad).toBe(false);
  });

  it.skipIf(!device)('may pass an argument through, and mark results', async () => {
    class PassAndCompare extends Function {
      static forward(ctx: FunctionContext, x: Tensor): [Tensor, Tensor, Tensor] {
        const [rounded, isPositive] = [x.round(), x.gt(0)];
        ctx.markNonDifferentiable(rounded);
        return [x, rounded, isPositive];
      }
      static backward(_: FunctionContext, dy: Tensor, dRounded: Tensor) {
        return dy.add(dRounded);
      }
    }
    const x = leaf([1.4, -2]);
    const outputs = PassAndCompare.apply(x);
    expect(outputs.map((output) => output.requiresGrad)).toEqual([true, false, false]);
    expect(outputs[0]).not.toBe(x);
    outputs[0].mul(3).sum().backward();
    expect(await x.grad!.tolist()).toEqual([3, 3]);
  });

  it.skipIf(!device)('notice that a saved tensor was overwritten', () => {
    const y = Exp.apply(leaf([1, 2]));
    noGrad(() => y.zero_());
    expect(() => y.sum().backward()).toThrow(/Exp needs .* zero_ has overwritten/);
    const factor = tensor([1, 2], { device: device! });
    const [, product] = SumAndProduct.apply(leaf([1, 2]), factor);
    factor.mul_(2);
    expect(() => product.sum().backward()).toThrow(/SumAndProduct needs .* mul_ has overwritten/);
  });

  it.skipIf(!device)('give the same in captured steps', async () => {
    setDevice(device!);
    const w = leaf([1, 2]);
    const step = capture(device!, ({ x }: { x: Tensor }) => {
      const [sum, product] = SumAndProduct.apply(w, x);
      const [dw] = grad(Exp.apply(sum.mul(0)).add(Scale.apply(product, 2)).sum(), w);
      return dw;
    });
    const run = (...x: number[]) => step.run({ x: { data: Float32Array.from(x), shape: [2] } });
    expect([...(await run(1, 3))]).toEqual([2, 6]);
    expect([...(await run(4, 5))]).toEqual([8, 10]);
    step.dispose();
  });

  const t = () => tensor([1, 2], { device: device! });
  const wrong: [string, RegExp, () => unknown][] = [
    ['too few', /Broken.backward: expected 2 gradients, .* got 1/, () => [t()]],
    ['one alone', /expected 2 gradients, .* got 1/, t],
    ['too many', /expected 2 gradients, .* got 3/, () => [t(), t(), null]],
    ['another shape', /argument 1: expected a gradient of shape \[2\]/, () => [t(), t().sum()]],
    ['another dtype', /argument 0: expected a gradient in float32/, () => [t().toInt(), t()]],
    ['undefined', /argument 1: expected a tensor or null, got undefined/, () => [t(), undefined]],
    ['nothing', /expected 2 gradients, .* got 1/, () => undefined],
    ['a promise', /got a promise/, async () => [t(), t()]],
  ];
  it.skipIf(!device).each(wrong)('refuse gradients: %s', (_, message, gradients) => {
    const y = returning(gradients()).apply(leaf([1, 2]), leaf([3, 4]));
    expect(() => y.sum().backward()).toThrow(message);
  });

  it.skipIf(!device)('refuse results and arguments that lose gradients', () => {
    const x = leaf([1, 2]);
    expect(() => returning([], 5).apply(x, x)).toThrow('Broken.forward: expected a tensor, got n');
    expect(() => returning([], [x, null]).apply(x, x)).toThrow('a tensor at place 1, got object');
    expect(() => returning([], Promise.resolve(x)).apply(x, x)).toThrow('must not be async');
    expect(() => returning([]).apply([x] as unknown as Tensor, x)).toThrow(
      'argument 0 holds a tensor that requires a gradient',
    );
    const extra = Scale.apply(x, 2);
    expect(extra.gradFn!.name).toBe('Scale');
  });
});
