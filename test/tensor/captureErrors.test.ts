import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { AdamW, SGD } from '../../src/nn/optim/index.ts';
import { hostWrite } from '../../src/tensor/hostWrite.ts';
import {
  backward,
  capture,
  dropout,
  embedding,
  keep,
  manualSeed,
  ones,
  scope,
  setDevice,
  type Tensor,
  tensor,
  zeros,
} from '../../src/tensor/index.ts';
import { capturing, parameter, type Step } from '../support/capture.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

describe.skipIf(!webgpu)('a captured step', () => {
  it('that fails leaves gradients and counts as they were; masks continue', async () => {
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
    const { run, dispose } = capturing(webgpu!);
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
    const { run, dispose } = capturing(webgpu!);
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
    const { run, dispose } = capturing(webgpu!);
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
    const { run, dispose } = capturing(webgpu!);
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
      const { run, dispose } = capturing(webgpu!);
      await expect(run(step, 2)).rejects.toThrow(message);
      dispose();
    }
    expect(p.grad).toBeNull();
    optimizer.dispose();
  });
});
