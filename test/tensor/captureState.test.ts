import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { AdamW, SGD } from '../../src/nn/index.ts';
import { hostWrite } from '../../src/tensor/hostWrite.ts';
import {
  backward,
  type CapturedStep,
  capture,
  dropout,
  embedding,
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
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

type Step = (inputs: { x: Tensor }) => Tensor;
type Run = (step: Step, ...x: number[]) => Promise<number[]>;
const parameter = (...values: number[]) => keep(tensor(values, { requiresGrad: true }));

/** Runs steps as they are. */
const eagerly: Run = async (step, ...x) => {
  const y = scope(() => step({ x: tensor(x) }));
  const values = [...(await y.data())];
  y.dispose();
  return values;
};

/** Runs each step captured. */
function capturing(): { run: Run; dispose: () => void } {
  const steps = new Map<Step, CapturedStep<{ x: Tensor }>>();
  return {
    run: async (step, ...x) => {
      if (!steps.has(step)) steps.set(step, capture(webgpu!, step));
      return [
        ...(await steps.get(step)!.run({ x: { data: Float32Array.from(x), shape: [x.length] } })),
      ];
    },
    dispose: () => {
      for (const step of steps.values()) step.dispose();
    },
  };
}

describe.skipIf(!webgpu)('a captured step', () => {
  /** Results of a program whose steps are captured are those of the eager one. */
  const captures = (name: string, program: (run: Run) => Promise<unknown>) =>
    it(name, async () => {
      setDevice(webgpu!);
      const expected = await program(eagerly);
      const { run, dispose } = capturing();
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

  it('that fails leaves gradients and counts as they were; masks go on as without capture', async () => {
    setDevice(webgpu!);
    const p = parameter(5, 5);
    const optimizer = new AdamW([p], { lr: 0.1 });
    let fails = true;
    const step: Step = ({ x }) => {
      backward(dropout(p, 0.5).mul(x).sum());
      optimizer.step();
      if (fails) throw new Error('no further');
      optimizer.zeroGrad();
      return p.mul(1);
    };
    const { run, dispose } = capturing();
    manualSeed(9);
    await expect(run(step, 1)).rejects.toThrow('no further');
    expect([p.grad, optimizer.stateDict().state[0].step]).toEqual([null, 0]);
    // The call that failed drew a mask, as it does without capture.
    const after = async () => [...(await dropout(ones([64]), 0.5).data())];
    const masks = [await after()];
    manualSeed(9);
    scope(() => dropout(ones([2]), 0.5));
    masks.push(await after());
    expect(masks[0]).toEqual(masks[1]);
    fails = false;
    await run(step, 1);
    expect(optimizer.stateDict().state[0].step).toBe(1);
    dispose();
  });

  it('whose inputs are refused has not counted', async () => {
    setDevice(webgpu!);
    const table = parameter(1, 2, 3);
    const optimizer = new AdamW([table], { lr: 0.1 });
    const step = capture(webgpu!, ({ ids }: { ids: Tensor }) => {
      const loss = dropout(embedding(ids, table.reshape([3, 1])), 0.5).sum();
      backward(loss);
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    const ids = (id: number) => ({ ids: { data: Int32Array.of(id), shape: [1] } });
    await step.run(ids(0));
    await expect(step.run(ids(3))).rejects.toThrow('index 3 is out of range');
    expect(optimizer.stateDict().state[0].step).toBe(1);
    await step.run(ids(2));
    expect(optimizer.stateDict().state[0].step).toBe(2);
    step.dispose();
  });

  it('that is too large leaves others, and memory, as they were', async () => {
    setDevice(webgpu!);
    const { run, dispose } = capturing();
    const small: Step = ({ x }) => x.flip([0]).mul(2).flip([0]);
    await run(small, 1, 2);
    const before = webgpu!.memory();
    const large: Step = ({ x }) =>
      x
        .expand([2 ** 15, 2 ** 16])
        .add(1)
        .sum();
    await expect(run(large, 1)).rejects.toThrow('this adapter');
    expect(webgpu!.memory()).toEqual(before);
    const others = Array.from({ length: 50 }, () => keep(ones([2])));
    expect(await run(small, 1, 2)).toEqual([2, 4]);
    for (const other of others) expect([...(await other.data())]).toEqual([1, 1]);
    dispose();
  });

  it('keeps to itself what it writes to, even when that is gone', async () => {
    setDevice(webgpu!);
    const { run, dispose } = capturing();
    const state = keep(zeros([300]));
    const step: Step = ({ x }) => {
      state.copy_(new Float32Array(300).fill(7));
      return x.mul(2);
    };
    await run(step, 1);
    state.dispose();
    const others = Array.from({ length: 50 }, () => keep(ones([300])));
    await run(step, 1);
    for (const other of others)
      expect((await other.data()).every((value) => value === 1)).toBe(true);
    dispose();
  });

  it('refuses host writes of another length', async () => {
    setDevice(webgpu!);
    const { run, dispose } = capturing();
    const state = keep(zeros([8]));
    let length = 0;
    const step: Step = ({ x }) => {
      webgpu!.onReplay(() => hostWrite(webgpu!, state.storage.binding, new Float32Array(++length)));
      return x.mul(state.sum());
    };
    await run(step, 1);
    await expect(run(step, 1)).rejects.toThrow(
      'expected a host write of 4 bytes, as at the capture, got 8',
    );
    dispose();
  });

  it('says what it cannot do', async () => {
    setDevice(webgpu!);
    const p = parameter(1);
    const refused: [Step, string][] = [
      [({ x }) => x.argmax(), 'expected the step to return float32, got int32'],
      [({ x }) => Promise.resolve(x) as never, 'expected the step to return a tensor'],
      [({ x }) => x.slice([[0, 0]]), 'expected the step to return elements, got shape [0]'],
      [({ x }) => keep(tensor([7])).mul(x), 'outlive it'],
      [({ x }) => zeros([1]).copy_([5]).mul(x), 'has already written or used'],
    ];
    const optimizer = new SGD([p]);
    const keepsGradient: Step = ({ x }) => {
      backward(p.mul(x));
      return x.mul(1);
    };
    refused.push([keepsGradient, 'call zeroGrad in the step']);
    for (const [step, message] of refused) {
      const { run, dispose } = capturing();
      await expect(run(step, 2)).rejects.toThrow(message);
      dispose();
    }
    expect(p.grad).toBeNull();
    optimizer.dispose();
  });
});

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
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
