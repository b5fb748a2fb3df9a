import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { openDevice } from '../../src/device/open.ts';
import { BertForPreTraining, BertForSequenceClassification } from '../../src/entries/bert.ts';
import {
  AdamW,
  backward,
  clipGradNorm,
  getConstantScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  noGrad,
  scope,
  setDevice,
} from '../../src/index.ts';
import { tryWebGpu } from '../support/devices.ts';
import { goldenCases } from '../support/golden.ts';
import { distance, goldenInputs, noisySteps, readGolden, tinyBert } from '../support/goldenBert.ts';

const webgpu = await tryWebGpu();
const wasm = await openDevice('wasm', { threads: 2 });
afterAll(() => {
  webgpu?.destroy();
  wasm.destroy();
});

describe.each(
  goldenCases<Device | undefined>([
    ['cpu', new CpuDevice()],
    ['webgpu', webgpu],
    ['wasm', wasm],
  ]),
)('20 steps of AdamW: %s', (_, set, device) => {
  const training = readGolden(set, 'train');
  const grads = readGolden(set, 'grads');
  const runs = JSON.parse(set.text('tiny-bert/train.json'));
  const { load, main, masked } = goldenInputs(set, device!);
  afterEach(() => setDevice(new CpuDevice()));

  const starts = {
    seqcls: async () => {
      const model = await BertForSequenceClassification.fromPretrained(
        tinyBert(set, 'sequence-classification'),
      );
      const batch = { ...main(), labels: load('seqcls_labels') };
      return { model, loss: () => model.forward(batch).loss! };
    },
    pretraining: async () => {
      const model = await BertForPreTraining.fromPretrained(tinyBert(set, 'pretraining'));
      const batch = {
        ...masked(),
        labels: load('mlm_labels'),
        nextSentenceLabel: load('nsp_labels'),
      };
      return { model, loss: () => model.forward(batch).loss! };
    },
  };

  it.skipIf(!device).each([
    ['seqcls', 'constant'],
    ['seqcls', 'warmup'],
    ['pretraining', 'constant'],
    ['pretraining', 'warmup'],
  ] as const)('%s, %s', async (head, rate) => {
    setDevice(device!);
    const name = `${head}-${rate}`;
    const run = runs[name];
    const { model, loss: compute } = await starts[head]();
    const noDecay = (parameter: string) => /(bias|LayerNorm\.weight)$/.test(parameter);
    const named = model.namedParameters();
    const group = (decays: boolean) =>
      named.filter(([n]) => noDecay(n) !== decays).map(([, p]) => p);
    const optimizer = new AdamW(
      [
        { params: group(true), weightDecay: run.weight_decay },
        { params: group(false), weightDecay: 0 },
      ],
      { lr: run.lr, betas: run.betas, eps: run.eps },
    );
    const schedule =
      run.schedule === 'constant'
        ? getConstantScheduleWithWarmup(optimizer, run.warmup_steps)
        : getLinearScheduleWithWarmup(optimizer, run.warmup_steps, run.total_steps);
    for (let step = 0; step < run.total_steps; step++) {
      expect(schedule.getLastLr()[0]).toBeCloseTo(run.lrs[step], 12);
      const { loss, norm } = scope(() => {
        const loss = compute();
        backward(loss);
        const norm = clipGradNorm(model.parameters(), run.clip_grad_norm);
        optimizer.step();
        optimizer.zeroGrad();
        return { loss, norm };
      });
      schedule.step();
      expect(
        Math.abs((await loss.item()) - run.losses[step]),
        `loss before step ${step + 1}`,
      ).toBeLessThan(2e-5);
      expect(
        Math.abs((await norm.item()) / run.grad_norms[step] - 1),
        `norm at step ${step + 1}`,
      ).toBeLessThan(1e-4);
      if (step !== 0 && step !== 4) continue;
      for (const [parameter, value] of named) {
        if (parameter.endsWith('attention.self.key.bias')) continue; // rounding noise by nature
        const expected = training.get(`${name}/step${step + 1}/${parameter}`)!;
        const noise = noisySteps(grads.get(`${head}/${parameter}`)!, run.lr);
        expect(await distance(value, expected, noise), parameter).toBeLessThan(2e-5);
      }
    }
    const last = noGrad(compute);
    expect(Math.abs((await last.item()) - run.losses[run.total_steps])).toBeLessThan(2e-5);
    optimizer.dispose();
  });
});
