import { afterAll, describe, expect, it } from 'vitest';
import { Linear, Module, Sequential, Tanh } from '../../src/nn/index.ts';
import { capture, keep, scope, setDevice, type Tensor, tensor } from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));

/** Doubles its input, by a forward in a field; gives an object. */
class Twice extends Module {
  forward = (x: Tensor, factor = 2): { y: Tensor } => ({ y: x.mul(factor) });
}

describe.each(devices)('hooks of modules on %s', (_, device) => {
  const leaf = (values: number[]) => tensor(values, { device: device!, requiresGrad: true });

  it.skipIf(!device)('see and replace arguments and results', async () => {
    const twice = new Twice();
    const seen: unknown[] = [];
    const handles = [
      twice.registerForwardPreHook((module, args): [Tensor, number] => {
        seen.push(module, args.length);
        return [args[0], 10];
      }),
      twice.registerForwardHook((_, [, factor], { y }) => {
        seen.push(factor);
        return { y: y.add(1) };
      }),
      twice.registerForwardHook((_, __, { y }) => ({ y: y.mul(2) })),
    ];
    expect(await twice.forward(leaf([1, 2])).y.tolist()).toEqual([22, 42]);
    expect(seen).toEqual([twice, 1, 10]);
    for (const handle of handles) handle.remove();
    expect(await twice.forward(leaf([1, 2])).y.tolist()).toEqual([2, 4]);
    expect(seen.length).toBe(3);
  });

  it.skipIf(!device)('leave the parameters and the state dict as they are', () => {
    setDevice(device!);
    const model = new Sequential(new Linear(2, 2), new Tanh());
    const names = [...model.stateDict().keys()];
    model.layers[0].registerForwardHook(() => {});
    expect([...model.stateDict().keys()]).toEqual(names);
  });

  it.skipIf(!device)('give the gradients of arguments and results', async () => {
    const twice = new Twice();
    const seen: (Tensor | null)[] = [];
    twice.registerFullBackwardHook((_, gradInput, gradOutput) => {
      for (const gradient of [...gradInput, ...gradOutput])
        seen.push(gradient && keep(gradient.clone()));
      return gradInput.map((gradient) => gradient!.mul(100));
    });
    const x = leaf([1, 2]);
    twice.forward(x).y.mul(3).sum().backward();
    expect(await Promise.all(seen.map((gradient) => gradient?.tolist()))).toEqual([
      [6, 6],
      [3, 3],
    ]);
    expect(await x.grad!.tolist()).toEqual([600, 600]);
  });

  it.skipIf(!device)('give gradients that can be kept, and returned too', async () => {
    const twice = new Twice();
    const kept: Tensor[] = [];
    const freed: Tensor[] = [];
    twice.registerFullBackwardHook((_, [gradInput], [gradOutput]) => {
      freed.push(gradInput!, gradOutput!);
    });
    twice.registerFullBackwardHook((_, gradInput, [gradOutput]) => {
      kept.push(keep(gradInput[0]!), keep(gradOutput!));
      return gradInput;
    });
    const x = leaf([1, 2]);
    for (const scale of [3, 5]) scope(() => twice.forward(x).y.mul(scale).sum().backward());
    expect(await Promise.all(kept.map((gradient) => gradient.tolist()))).toEqual([
      [6, 6],
      [3, 3],
      [10, 10],
      [5, 5],
    ]);
    expect(freed.every((gradient) => gradient.isDisposed)).toBe(true);
    expect(await x.grad!.tolist()).toEqual([16, 16]);
  });

  it.skipIf(!device)('may return null for nothing', async () => {
    const twice = new Twice();
    twice.registerForwardPreHook(() => null);
    twice.registerForwardHook(() => null);
    twice.registerFullBackwardHook(() => null);
    const x = leaf([1, 2]);
    twice.forward(x).y.sum().backward();
    expect(await x.grad!.tolist()).toEqual([2, 2]);
  });

  it.skipIf(!device)('give null for arguments without a gradient', () => {
    setDevice(device!);
    const linear = new Linear(2, 2);
    const seen: unknown[] = [];
    linear.registerFullBackwardHook((module, gradInput, gradOutput) => {
      seen.push(module, gradInput, gradOutput[0]!.shape);
    });
    linear
      .forward(tensor([[1, 2]]))
      .sum()
      .backward();
    expect(seen).toEqual([linear, [null], [1, 2]]);
  });

  it.skipIf(!device)('make a captured step anew when they come or go', async () => {
    setDevice(device!);
    const twice = new Twice();
    const step = capture(device!, ({ x }: { x: Tensor }) => twice.forward(x).y);
    const run = async () => [...(await step.run({ x: { data: Float32Array.of(3), shape: [1] } }))];
    expect(await run()).toEqual([6]);
    const handle = twice.registerForwardHook((_, __, { y }) => ({ y: y.add(1) }));
    expect([await run(), await run()]).toEqual([[7], [7]]);
    handle.remove();
    expect(await run()).toEqual([6]);
    step.dispose();
  });

  it.skipIf(!device)('say what is wrong', () => {
    class Plain extends Module {}
    expect(() => new Plain().registerForwardHook(() => {})).toThrow('a module with forward, got P');
    const twice = new Twice();
    const asynchronous = async () => {};
    const handle = twice.registerForwardHook(asynchronous as unknown as () => void);
    expect(() => twice.forward(leaf([1]))).toThrow('got a promise');
    handle.remove();
    twice.registerFullBackwardHook(() => []);
    const { y } = twice.forward(leaf([1]));
    expect(() => y.sum().backward()).toThrow('expected 1 gradients');
  });
});
