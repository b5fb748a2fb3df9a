import { afterAll, describe, expect, it } from 'vitest';
import { defineKernel, main, wgsl } from '../../src/device/kernel.ts';
import { defineMap } from '../../src/kernels/kit/map.ts';
import type { MapSpec } from '../../src/kernels/kit/mapSpec.ts';
import { launch, launchMap } from '../../src/tensor/checkedLaunch.ts';
import { checkKernel } from '../../src/tensor/checkKernel.ts';
import { Function, type FunctionContext } from '../../src/tensor/function.ts';
import { gradCheck } from '../../src/tensor/gradCheck.ts';
import { asin, capture, empty, noGrad, type Tensor, tensor } from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));

/** y = 2 x, with a text that computes `factor` x. */
const doubling = (name: string, factor: string, first = 2) =>
  defineKernel({
    name,
    params: { count: 'u32' },
    buffers: {
      x: { type: 'f32', access: 'read', size: (p) => p.count },
      y: { type: 'f32', access: 'write', size: (p) => p.count },
    },
    launch: ({ count }) => Math.ceil(count / 64),
    wgsl: () =>
      main(
        64,
        wgsl`  let i = group * 64u + lane;
  if (i < p.count) { y[i] = ${factor} * x[i]; }`,
      ),
    reference({ x, y }, { count }) {
      for (let i = 0; i < count; i++) y[i] = (i === 0 ? first : 2) * x[i];
    },
    cases: [{ count: 5 }, { count: 100 }],
  });
/** Helpers of one name, which differ: the second calls a shared one. */
const [plusTwo, plusThree] = [2, 3].map((n) =>
  defineMap({
    name: `testPlus${n}`,
    inputs: ['x'],
    wgsl: 'shift(x)',
    functions: `fn amount() -> f32 { return ${n}.0; }
fn shift(x: V) -> V { return x + amount(); }`,
    reference: (x) => x + n,
  }),
);
const halving = defineMap({
  name: 'testHalving',
  inputs: ['x'],
  wgsl: 'arcsine(x)',
  functions: 'fn arcsine(x: V) -> V { return 0.5 * x; }',
  reference: (x) => x / 2,
});
const double = doubling('testDouble', '2.0');
const wrong = doubling('testDoubleWrong', '2.1');

describe('defineMap', () => {
  const spec = { name: 'testSpec', inputs: ['x'], wgsl: 'x', reference: (x: number) => x };
  it.each([
    [{ inputs: [] }, /`inputs`: expected names, got \[\]/],
    [{ inputs: undefined }, /`inputs`: expected names, got undefined/],
    [{ name: 'two words' }, /names: expected letters, .*, got "two words"/],
    [{ wgsl: undefined }, /`wgsl`: expected an expression, got undefined/],
    [{ reference: undefined }, /`reference`: expected a function/],
  ])('refuses %o', (change, expected) => {
    expect(() => defineMap({ ...spec, ...change } as MapSpec)).toThrow(expected);
  });
});

describe.each(devices)('tools for kernels on %s', (_, device) => {
  const on = () => ({ device: device! });

  it.skipIf(!device)('launch runs a kernel, on views too', async () => {
    const x = tensor([1, 2, 3, 4], on()).slice([[2, 4]]);
    const y = empty([2], on());
    launch(double, { x, y }, { count: 2 });
    expect(await y.tolist()).toEqual([6, 8]);
    const none = empty([0], on());
    launch(double, { x: none, y: none.clone() }, { count: 0 });
  });

  it.skipIf(!device)('launch says what is wrong', () => {
    const [x, y] = [tensor([1, 2, 3], on()), empty([3], on())];
    const count = 3;
    const run = (tensors: { x: Tensor; y: Tensor }) => () => launch(double, tensors, { count });
    expect(run({ x, y: empty([2], on()) })).toThrow('`y`: expected at least 3 elements, got shape');
    expect(run({ x: x.toInt(), y })).toThrow(
      '`x`: expected float32, got Tensor(shape=[3], dtype=i',
    );
    expect(run({ x, y: empty([4], on()).slice([[1, 4]]) })).toThrow('no view of a part');
    expect(run({ x } as { x: Tensor; y: Tensor })).toThrow('`y`: expected a tensor, got undefined');
    const leaf = tensor([1, 2, 3], { ...on(), requiresGrad: true });
    expect(run({ x: leaf, y })).toThrow('requires a gradient, which a launch would lose');
    noGrad(run({ x: leaf, y }));
    y.dispose();
    expect(run({ x, y })).toThrow('was disposed');
  });

  it.skipIf(!device)('element-wise kernels with helpers of one name fuse', async () => {
    const body = ({ x }: { x: Tensor }) => launchMap(plusThree, [launchMap(plusTwo, [x])]);
    const step = capture(device!, body);
    for (let i = 0; i < 3; i++) {
      const x = { data: Float32Array.of(1, 2, i), shape: [3] };
      expect([...(await step.run({ x }))]).toEqual([6, 7, 5 + i]);
    }
  });

  it.skipIf(!device)(
    'a kernel fuses with one of the engine that has a helper of its name',
    async () => {
      const body = ({ x }: { x: Tensor }) => asin(launchMap(halving, [x]));
      const step = capture(device!, body);
      const x = { data: Float32Array.of(0, 1, -2), shape: [3] };
      for (let i = 0; i < 2; i++)
        for (const [at, value] of (await step.run({ x })).entries())
          expect(value).toBeCloseTo(Math.asin(x.data[at] / 2), 5);
    },
  );

  it.skipIf(!device)('launch counts as a write', () => {
    const [x, y] = [tensor([1, 2], { ...on(), requiresGrad: true }), tensor([3, 4], on())];
    const z = x.mul(y);
    launch(double, { x: x.detach(), y }, { count: 2 });
    expect(() => z.sum().backward()).toThrow(/mul needs .* testDouble has overwritten/);
  });

  it.skipIf(!device)('checkKernel compares with the reference', async () => {
    await checkKernel(double, device!);
    if (device!.kind === 'webgpu')
      await expect(checkKernel(wrong, device!)).rejects.toThrow(
        /testDoubleWrong: case {"count":5}: `y`: element \d: expected .*, got/,
      );
    // Infinity in one element is no leave for the others.
    const endless = (name: string, factor: string) =>
      checkKernel(doubling(name, factor, Number.POSITIVE_INFINITY), device!, [{ count: 5 }]);
    const infinite = 'select(2.0, bitcast<f32>(p.count * 0u + 0x7f800000u), i == 0u)';
    if (device!.kind === 'webgpu') {
      await endless('testEndless', infinite);
      await expect(endless('testEndlessWrong', infinite.replace('2.0', '3.0'))).rejects.toThrow(
        /testEndlessWrong: case {"count":5}: `y`: element [1-4]: expected/,
      );
    }
    await expect(checkKernel(double, device!, [])).rejects.toThrow('expected `cases`, got none');
  });

  it.skipIf(!device)('gradCheck finds a wrong gradient', async () => {
    class WrongSquare extends Function {
      static forward(ctx: FunctionContext, x: Tensor) {
        ctx.saveForBackward(x);
        return x.mul(x);
      }
      static backward(ctx: FunctionContext, dy: Tensor) {
        return dy.mul(ctx.savedTensors[0]);
      }
    }
    const x = tensor([0.5, -1, 2], { ...on(), requiresGrad: true });
    const w = tensor([1, 3, -2], { ...on(), requiresGrad: true });
    await expect(gradCheck((t) => WrongSquare.apply(t), [x])).rejects.toThrow(
      /input 0 of shape \[3\]: expected the slope/,
    );
    await expect(gradCheck((t) => t.detach().square(), [x])).rejects.toThrow(/got 0 from backward/);
    expect(await gradCheck((a, b) => [a.mul(b), a.exp()], [x, w])).toBe(true);
    expect(
      await gradCheck((a, ids) => a.indexSelect(0, ids), [x, tensor([2, 0, 0], on()).toInt()]),
    ).toBe(true);
    await expect(gradCheck((t) => t, [x.detach()])).rejects.toThrow(
      'requires a gradient, got none',
    );
    await expect(gradCheck((t) => t.toInt(), [x])).rejects.toThrow('float32 tensors, got Tensor');
    expect([await x.tolist(), x.grad]).toEqual([[0.5, -1, 2], null]);
  });
});
