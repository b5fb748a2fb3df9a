import { afterAll, describe, expect, it } from 'vitest';
import { AdamW, Optimizer, SGD } from '../../../src/nn/optim/index.ts';
import { noGrad, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';

class SignSGD extends Optimizer<{ lr: number }> {
  override step(): void {
    noGrad(() => {
      for (const { params, lr } of this.paramGroups)
        for (const p of params) if (p.grad) p.sub_(p.grad.sign().mul(lr));
    });
  }
}

const devices = await allDevices();
afterAll(() => {
  for (const [, device] of devices) device?.destroy();
});

describe.each(devices)('on %s', (_, device) => {
  const here = it.skipIf(!device);
  const parameter = (values: number[]) => tensor(values, { device, requiresGrad: true });

  here('an optimiser of plain operations overrides `step`', async () => {
    const [a, b, unused] = [parameter([1, -2, 3]), parameter([0.5]), parameter([4])];
    const optimizer = new SignSGD([a, b, unused], { lr: 0.25 });
    for (let step = 0; step < 2; step++) {
      optimizer.zeroGrad();
      a.square().sum().add(b.mul(-3).sum()).backward();
      optimizer.step();
    }
    expect(await a.tolist()).toEqual([0.5, -1.5, 2.5]);
    expect(await b.tolist()).toEqual([1]);
    expect(await unused.tolist()).toEqual([4]);
    expect(optimizer.stateDict().paramGroups).toEqual([{ lr: 0.25, params: [0, 1, 2] }]);
  });

  here.each<[string, (params: Tensor[]) => SGD | AdamW]>([
    ['SGD', (params) => new SGD(params, { lr: 0.1, momentum: 0.9 })],
    ['AdamW', (params) => new AdamW(params, { lr: 0.1 })],
  ])('%s continues from the state dict of another', async (_, make) => {
    const run = async (handOver: boolean) => {
      const x = parameter([1, -2, 3]);
      let optimizer = make([x]);
      for (let step = 0; step < 4; step++) {
        if (handOver && step === 2) {
          const next = make([x]);
          next.loadStateDict(optimizer.stateDict() as never);
          optimizer = next;
        }
        optimizer.zeroGrad();
        x.square().sum().backward();
        optimizer.step();
      }
      return x.tolist();
    };
    expect(await run(true)).toEqual(await run(false));
  });
});

it('says what is missing or wrong', () => {
  const x = tensor([1], { requiresGrad: true });
  expect(() => new SignSGD([x], { lr: -1 })).toThrow('`lr`: expected a number ≥ 0, got -1');
  class Idle extends Optimizer<{ lr: number }> {}
  const optimizer = new Idle([x], { lr: 1 });
  x.square().backward();
  expect(() => optimizer.step()).toThrow('Idle: expected a `step` of its own, got none');
});
