import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { openDevice } from '../../src/device/open.ts';
import { AdamW, SGD } from '../../src/nn/optim/index.ts';
import {
  backward,
  full,
  keep,
  manualSeed,
  ones,
  rand,
  scope,
  setDevice,
  type Tensor,
  tensor,
  tril,
  zeros,
} from '../../src/tensor/index.ts';
import { capturing, eagerly, parameter, type Run, type Step } from '../support/capture.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
const wasm = await openDevice('wasm', { threads: 2 });
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
  wasm.destroy();
});

describe.skipIf(!webgpu)('a captured step', () => {
  /** Results of a program whose steps are captured are those of the eager one. */
  const captures = (name: string, program: (run: Run) => Promise<unknown>) =>
    it(name, async () => {
      setDevice(webgpu!);
      const expected = await program(eagerly);
      const { run, dispose } = capturing(webgpu!);
      expect(await program(run)).toEqual(expected);
      dispose();
    });

  captures('trains its own part of what one optimiser has', async (run) => {
    const [shared, first, second] = [parameter(1), parameter(1), parameter(1)];
    const optimizer = new AdamW([shared, first, second], { lr: 0.1 });
    const task =
      (head: Tensor): Step =>
      ({ x }) => {
        const loss = shared.mul(head).mul(x).sum();
        backward(loss);
        optimizer.step();
        optimizer.zeroGrad();
        return loss;
      };
    const steps = [task(first), task(second)];
    const losses: number[][] = [];
    for (let i = 0; i < 7; i++) losses.push(await run(steps[i % 2], 1));
    return [losses, await shared.data(), await first.data(), await second.data()];
  });

  captures('does what the host writes in it, each time', async (run) => {
    const state = keep(zeros([2]));
    const step: Step = ({ x }) => state.copy_([7, 8]).mul(x);
    const results = [await run(step, 1, 2)];
    state.copy_([0, 0]);
    results.push(await run(step, 1, 2));
    return [results, await state.data(), await run(({ x }) => tril(x.reshape([2, 2])), 1, 2, 3, 4)];
  });

  captures('draws random numbers anew', async (run) => {
    manualSeed(3);
    const step: Step = ({ x }) => rand([3]).mul(x);
    return [await run(step, 1), await run(step, 1), await run(step, 1)];
  });

  captures(
    'follows parameters that an optimiser moves, and that are frozen and thawed',
    async (run) => {
      const [p, q] = [parameter(2), parameter(3)];
      const evaluate: Step = ({ x }) => p.mul(x);
      const results = [await run(evaluate, 1)];
      const optimizer = new SGD([p, q], { lr: 0.1 });
      const train: Step = ({ x }) => {
        const loss = p.mul(q).mul(x).sum();
        backward(loss);
        optimizer.step();
        optimizer.zeroGrad();
        return loss;
      };
      q.requiresGrad_(false);
      results.push(await run(train, 1), await run(evaluate, 1));
      q.requiresGrad_();
      results.push(await run(train, 1), await run(evaluate, 1), [...(await q.data())]);
      return results;
    },
  );

  captures('adds to gradients that are there, and to none when they are gone', async (run) => {
    const p = parameter(0);
    const optimizer = new SGD([p], { lr: 1 });
    scope(() => backward(p.mul(10).sum()));
    const step: Step = ({ x }) => {
      backward(p.mul(x).sum());
      optimizer.step();
      optimizer.zeroGrad();
      return p.mul(1);
    };
    return [await run(step, 1), await run(step, 2), await run(step, 3)];
  });

  captures('may drop its gradients first', async (run) => {
    const p = parameter(0);
    const optimizer = new SGD([p], { lr: 1 });
    const step: Step = ({ x }) => {
      optimizer.zeroGrad();
      backward(p.mul(x).sum());
      optimizer.step();
      return p.mul(1);
    };
    return [
      await run(step, 1),
      await run(step, 2),
      await run(step, 3),
      [...(await p.grad!.data())],
    ];
  });

  captures('shares gradients with other steps, which add to them and use them up', async (run) => {
    const p = parameter(0, 0);
    const optimizer = new SGD([p], { lr: 1 });
    const add = (x: Tensor) => {
      const loss = p.mul(x).sum();
      backward(loss);
      return loss;
    };
    const first: Step = ({ x }) => {
      optimizer.zeroGrad();
      return add(x);
    };
    const more: Step = ({ x }) => add(x);
    const update: Step = () => {
      optimizer.step();
      optimizer.zeroGrad();
      return p.mul(1);
    };
    const results: number[][] = [];
    for (let i = 0; i < 3; i++) {
      results.push(
        await run(first, 1, i),
        await run(more, 1, 2),
        await run(more, 3, 4),
        await run(update, 0),
      );
      expect(p.grad).toBeNull();
    }
    return results;
  });

  captures('follows what it sees through views, and gradients set by hand', async (run) => {
    const p = parameter(2);
    const scale: Step = ({ x }) => x.mul(p.detach());
    const results = [await run(scale, 1)];
    const optimizer = new SGD([p], { lr: 1 });
    const update: Step = ({ x }) => {
      optimizer.step();
      return x.mul(1);
    };
    for (const gradient of [1, 10]) {
      p.grad = keep(tensor([gradient]));
      results.push(await run(update, 0), await run(scale, 1));
    }
    return results;
  });

  captures('takes an input without elements', async (run) => {
    const step: Step = ({ x }) => ones([2]).mul(x.sum());
    return run(step);
  });
});

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
  ['wasm', wasm],
] as const)('on %s', (_, device) => {
  const here = it.skipIf(!device);

  here(
    'an optimiser whose parameters went to another says so, and takes nothing with it',
    async () => {
      setDevice(device!);
      const p = parameter(1);
      const [first, second] = [new SGD([p], { lr: 1 }), new SGD([p], { lr: 1 })];
      scope(() => backward(p.mul(2).sum()));
      expect(() => first.step()).toThrow('was given to a later optimizer');
      first.dispose();
      second.step();
      expect([...(await p.data())]).toEqual([-1]);
    },
  );

  here('backward through what a scope has freed is refused', () => {
    setDevice(device!);
    const p = parameter(1);
    const y = scope(() => p.mul(2).exp().sum());
    expect(() => backward(y)).toThrow(/an input of sum, was disposed/);
    expect(p.grad).toBeNull();
  });
});

describe.each([
  ['webgpu', webgpu],
  ['wasm', wasm],
])('memory from outside that a captured step gives back, on %s', (_, device) => {
  const captures = (name: string, program: (run: Run) => Promise<unknown>) =>
    it.skipIf(!device)(name, async () => {
      setDevice(device!);
      const expected = await program(eagerly);
      const { run, dispose } = capturing(device!);
      expect(await program(run)).toEqual(expected);
      dispose();
    });

  captures('a gradient that was there before, without an optimiser', async (run) => {
    const p = keep(ones([4096])).requiresGrad_();
    scope(() => backward(p.mul(10).sum()));
    const step: Step = ({ x }) => {
      backward(p.mul(x).sum());
      const used = p.grad!.add(0.5).tanh().mul(0).add(p.grad!).sum();
      p.grad!.dispose();
      p.grad = null;
      return used;
    };
    return [await run(step, 1), await run(step, 2), await run(step, 3)];
  });

  captures('a tensor that is disposed after its use', async (run) => {
    const results: unknown[] = [];
    for (const size of [64, 1024, 65536]) {
      const outer = keep(full([size], 5));
      results.push(
        await run(({ x }) => {
          const scaled = x.mul(ones([size])).mul(3);
          const y = outer.mul(x).add(scaled.sum().mul(0)).sum();
          outer.dispose();
          return y;
        }, 1),
      );
    }
    return results;
  });
});
