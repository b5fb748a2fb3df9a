import { afterAll, describe, expect, it } from 'vitest';
import * as w from '../../../src/index.ts';
import { ArgumentError, WigbertError } from '../../../src/platform/errors.ts';
import { allDevices } from '../../support/devices.ts';
import { expectClose } from '../../support/finiteDifferences.ts';
import { nn, optim } from './entries.ts';
import * as exempt from './exempt.ts';
import { callOf, cases, fill, type OperationCase, tensorsIn, tensorsOf } from './support.ts';

/**
 * Every exported operation, module and optimiser is run against PyTorch (`generate.py` has a line
 * for each): values and gradients, wrong shapes and types, nothing and scalars. A new export
 * without a line fails here.
 */

const devices = await allDevices();
afterAll(() => devices[1][1]?.destroy());
const cpu = devices[0][1]!;

const named = <T extends { name: string }>(list: readonly T[]) =>
  list.map((one, i) => [`${one.name} (${i})`, one] as const);

/** The first case of each operation: what is wrong with an argument is the same in all. */
const firsts = [...new Map(cases.operations.toReversed().map((one) => [one.name, one])).values()];

/** The message of the error that a call throws, in whatever way; undefined if it throws none. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What results are multiplied by, so that each element has a gradient of its own. */
const weightsFor = ({ size, shape, device }: w.Tensor): w.Tensor =>
  w.tensor(
    Float32Array.from({ length: size }, (_, i) => (i % 5) - 1.5),
    { shape, device },
  );

function expectNamed(error: unknown, name: string): void {
  expect(error, String(error)).toBeInstanceOf(WigbertError);
  expect((error as Error).message).toMatch(new RegExp(`^${name}: `));
}

describe('exports', () => {
  it('have a case each, or a reason for none', () => {
    const operations = Object.entries(w).flatMap(([name, value]) =>
      typeof value === 'function' && /^[a-z]/.test(name) ? [name] : [],
    );
    const has = (list: readonly { name: string }[], name: string) =>
      list.some((one) => one.name === name);
    const without = operations.filter(
      (name) => !has(cases.operations, name) && !(name in exempt.operations),
    );
    expect(without, 'operations without a line in generate.py').toEqual([]);
    const classes = (entry: object) => Object.keys(entry).filter((name) => /^[A-Z]/.test(name));
    const modules = classes(nn).filter(
      (name) => !has(cases.modules, name) && !(name in exempt.modules),
    );
    expect(modules, 'modules without a line in generate.py').toEqual([]);
    const optimizers = classes(optim).filter(
      (name) => !has(cases.optimizers, name) && !(name in exempt.optimizers),
    );
    expect(optimizers, 'optimizers without a line in generate.py').toEqual([]);
  });
});

describe.each(devices)('on %s', (kind, device) => {
  const here = it.skipIf(!device);

  here.each(named(cases.operations))('%s equals PyTorch’s, gradients too', async (_, one) => {
    const inputs = tensorsOf(one.inputs, device!);
    const result = await callOf(one.name)(...(fill(one.args, inputs) as unknown[]));
    const outputs = tensorsIn(result);
    expect(outputs.length).toBe(one.outputs.length);
    for (const [i, { shape, data }] of one.outputs.entries())
      await expectClose(outputs[i], data, shape, 2e-5);
    if (!one.grads) return;
    const floats = outputs.filter((y) => y.requiresGrad);
    expect(floats.length, 'results with a gradient').toBeGreaterThan(0);
    const total = floats.map((y) => y.mul(weightsFor(y)).sum()).reduce((a, b) => a.add(b));
    total.backward();
    for (const [i, grad] of one.grads.entries())
      if (grad && (inputs[i].grad || grad.some((slope) => slope !== 0)))
        await expectClose(inputs[i].grad!, grad, one.inputs[i].shape, 1e-4);
  });

  here.each(named(cases.modules))('nn.%s equals PyTorch’s, gradients too', async (_, one) => {
    w.setDevice(device!);
    try {
      type Class = new (...args: unknown[]) => w.nn.Module & { forward(...x: unknown[]): w.Tensor };
      const module = new (nn as unknown as Record<string, Class>)[one.name](...one.args);
      const state = Object.entries(one.state).map(
        ([key, { shape, data }]) => [key, { shape, data: Float32Array.from(data) }] as const,
      );
      if (state.length > 0 && !(one.name in exempt.states)) module.loadStateDict(new Map(state));
      const inputs = tensorsOf(one.inputs, device!);
      const output = module.forward(...inputs);
      await expectClose(output, one.output.data, one.output.shape, 2e-5);
      output.mul(weightsFor(output)).sum().backward();
      const parameters = new Map(module.namedParameters());
      const leaves = [...inputs, ...state.flatMap(([key]) => parameters.get(key) ?? [])];
      expect(one.grads.length).toBe(leaves.length);
      for (const [i, grad] of one.grads.entries())
        if (grad) await expectClose(leaves[i].grad!, grad, leaves[i].shape, 1e-4);
    } finally {
      w.setDevice(cpu);
    }
  });

  here.each(named(cases.optimizers))('optim.%s steps as PyTorch’s', async (_, one) => {
    const x = w.tensor(one.start, { shape: [3, 4], device: device! }).requiresGrad_();
    type Class = new (params: w.Tensor[], options: object) => w.SGD;
    const optimizer = new (optim as unknown as Record<string, Class>)[one.name]([x], one.options);
    for (const grad of one.grads) {
      x.grad = w.tensor(grad, { shape: [3, 4], device: device! });
      optimizer.step();
      optimizer.zeroGrad();
    }
    await expectClose(x, one.end, [3, 4], 2e-5);
  });

  const smallOnes = kind === 'cpu' ? firsts : [];
  it.each(named(smallOnes))('%s takes nothing and scalars, or says why not', async (_, one) => {
    const changed: [OperationCase['empty'], (x: w.Tensor) => w.Tensor][] = [
      [one.empty, (x) => (x.ndim > 0 ? x.slice([[0, 0]]) : x)],
      [one.scalar, (x) => x.reshape([-1]).select(0, 0)],
    ];
    for (const [shapes, change] of changed) {
      const inputs = tensorsOf(one.inputs, cpu).map((x) => change(x.detach()));
      const call = () => callOf(one.name)(...(fill(one.args, inputs) as unknown[]));
      const error = await errorOf(call);
      if (error !== undefined) {
        expectNamed(error, one.name);
        if (shapes && !(one.name in exempt.stricter)) throw error;
      } else if (shapes) {
        expect(tensorsIn(await call()).map(({ shape }) => [...shape])).toEqual(shapes);
      }
    }
  });
});

describe('wrong arguments', () => {
  it.each(named(firsts))('%s names itself', async (_, one) => {
    const inputs = tensorsOf(one.inputs, cpu);
    const call = (tensors: readonly unknown[]) =>
      errorOf(() => callOf(one.name)(...(fill(one.args, tensors) as unknown[])));
    // Something that is no tensor.
    const isFunction = one.name in w;
    for (const i of inputs.keys()) {
      if (i === 0 && !isFunction) continue;
      const error = await call(inputs.map((x, k) => (k === i ? 'x' : x)));
      expect(error, `argument ${i}`).toBeInstanceOf(ArgumentError);
      expectNamed(error, one.name);
    }
    // Integers for floats, and floats for integers: computed, or refused by name.
    for (const i of inputs.keys()) {
      const other = inputs[i].dtype === 'float32' ? inputs[i].detach().toInt() : inputs[i].float();
      const error = await call(inputs.map((x, k) => (k === i ? other : x)));
      if (error !== undefined) expectNamed(error, one.name);
    }
    // A shape that fits nothing.
    for (const i of inputs.keys()) {
      const odd = w.zeros([7, 1, 11, 1, 13]).toInt();
      const wrong = inputs[i].dtype === 'float32' ? odd.toFloat() : odd;
      const error = await call(inputs.map((x, k) => (k === i ? wrong : x)));
      const mayFit = inputs.length === 1 || exempt.anyShape[one.name]?.includes(i);
      if (error === undefined) expect(mayFit, `argument ${i} takes any shape`).toBe(true);
      else expectNamed(error, one.name);
    }
    // Dimensions, sizes and places that are no whole numbers, or far out of range.
    for (const wrong of [99, -99, 0.5]) {
      const replace = (args: unknown): unknown => {
        if (typeof args === 'number') return wrong;
        return Array.isArray(args) ? args.map(replace) : args;
      };
      const args = fill(replace(one.args), inputs) as unknown[];
      const error = await errorOf(() => callOf(one.name)(...args));
      if (error !== undefined) expectNamed(error, one.name);
    }
  });
});
