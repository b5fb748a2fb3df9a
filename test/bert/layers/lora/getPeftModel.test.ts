import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../../src/device/cpu.ts';
import {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForTokenClassification,
  getPeftModel,
} from '../../../../src/entries/bert.ts';
import { AdamW } from '../../../../src/nn/optim/index.ts';
import { UsageError } from '../../../../src/platform/errors.ts';
import { backward, capture, manualSeed, setDevice } from '../../../../src/tensor/index.ts';
import {
  config,
  expectClose,
  inputs,
  makeModel,
  shake,
  stateOf,
  values,
} from '../../../support/lora.ts';

setDevice(new CpuDevice());

describe('getPeftModel', () => {
  it.each([
    [['query', 'value'], 4],
    ['all-linear', 13],
    ['.*\\.layer\\.1\\..*dense', 3],
  ])('adapts %o, and changes nothing at first', async (targetModules, count) => {
    const model = makeModel();
    const before = await values(model.forward(inputs).logits);
    const peft = getPeftModel(model, { r: 2, targetModules });
    const names = peft.namedParameters().map(([name]) => name);
    expect(names.filter((name) => name.endsWith('.lora_A.default.weight'))).toHaveLength(count);
    expectClose(await values(model.forward(inputs).logits), before, 1e-6);
    expectClose(await values(peft.forward(inputs).logits), before, 1e-6);
  });

  it('names weights as PEFT does, and trains A, B and the head alone', () => {
    const peft = getPeftModel(makeModel(), {
      r: 2,
      layersToTransform: [1],
      targetModules: ['key'],
    });
    const trained = peft.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
    const key = 'base_model.model.bert.encoder.layer.1.attention.self.key';
    expect(trained.map(([name, { shape }]) => [name, shape])).toEqual([
      [`${key}.lora_A.default.weight`, [2, 8]],
      [`${key}.lora_B.default.weight`, [8, 2]],
      ['base_model.model.classifier.weight', [2, 8]],
      ['base_model.model.classifier.bias', [2]],
    ]);
    expect(peft.namedParameters().map(([name]) => name)).toContain(`${key}.base_layer.weight`);
    expect(peft.getNbTrainableParameters()).toEqual([16 + 16 + 16 + 2, peft.parameterCount]);
  });

  it('begins as PEFT: A uniform within 1/√in, B zero; equal seeds give equal weights', async () => {
    const [one, two, other] = [1, 1, 2].map((seed) =>
      getPeftModel(makeModel(), { r: 8, targetModules: 'all-linear' }, { seed }),
    );
    for (const [name, tensor] of one.namedParameters()) {
      const found = await values(tensor);
      if (name.includes('.lora_B.')) expect(found.every((value) => value === 0)).toBe(true);
      if (!name.includes('.lora_A.')) continue;
      const bound = 1 / Math.sqrt(tensor.shape[1]);
      const largest = Math.max(...found.map(Math.abs));
      expect(largest).toBeLessThanOrEqual(bound);
      expect(largest).toBeGreaterThan(0.8 * bound);
    }
    expect(await stateOf(one)).toEqual(await stateOf(two));
    expect(await stateOf(one)).not.toEqual(await stateOf(other));
  });

  it.each([
    [{ r: 0 }, /`r`: expected a whole number of at least 1, got 0/],
    [{ loraAlpha: Number.NaN }, /`loraAlpha`: expected a number above 0/],
    [{ loraDropout: 1 }, /`loraDropout`: expected a number of at least 0 and below 1, got 1/],
    [{ targetModules: [] }, /`targetModules`: expected names of linear layers \(query, key/],
    [{ targetModules: ['q_proj'] }, /got \["q_proj"\]/],
    [{ targetModules: ['attention'] }, /which names bert\.encoder\.layer\.0\.attention/],
    [{ targetModules: '(' }, /`targetModules`: expected .* that JavaScript reads, got "\("/],
    [{ modulesToSave: ['decoder'] }, /`modulesToSave`: expected modules of the model/],
    [{ bias: 'some' as 'all' }, /`bias`: expected one of none, all, lora_only/],
    [{ lora_alpha: 16 }, /unknown field of LoraConfig "lora_alpha": expected one of r, loraAlpha/],
  ])('refuses %o', (wrong, message) => {
    const call = () => getPeftModel(makeModel(), wrong as never);
    expect(call).toThrow(UsageError);
    expect(call).toThrow(message);
  });

  it('takes models with other heads', () => {
    const saved = (model: BertForMaskedLM | BertForTokenClassification) =>
      getPeftModel(model).peftConfig.get('default')!.modulesToSave;
    expect(saved(BertForTokenClassification.fromConfig(config))).toEqual(['classifier']);
    expect(saved(BertForMaskedLM.fromConfig(config))).toEqual([]);
    const answering = getPeftModel(BertForQuestionAnswering.fromConfig(config));
    expect(answering.peftConfig.get('default')!.modulesToSave).toEqual(['qa_outputs']);
  });
});

describe('training an adapter', () => {
  it('moves A, B and the head, and nothing else; moments are those of these alone', async () => {
    const peft = getPeftModel(makeModel(), { r: 2, loraDropout: 0.1 }, { seed: 1 });
    peft.train();
    const before = await stateOf(peft);
    const trained = peft.parameters().filter(({ requiresGrad }) => requiresGrad);
    const optimizer = new AdamW(trained, { lr: 0.05 });
    const step = capture(trained[0].device, () => {
      const { loss } = peft.forward(inputs);
      backward(loss!);
      optimizer.step();
      for (const tensor of peft.parameters())
        if (!tensor.requiresGrad) expect(tensor.grad).toBe(null);
      optimizer.zeroGrad();
      return loss!;
    });
    const losses = [];
    for (let i = 0; i < 8; i++) losses.push((await step.run({}))[0]);
    expect(losses.at(-1)!).toBeLessThan(losses[0]);
    const after = await stateOf(peft);
    const changed = Object.keys(before).filter((name) => `${before[name]}` !== `${after[name]}`);
    expect(changed).toEqual(
      peft.namedParameters().flatMap(([name, { requiresGrad }]) => (requiresGrad ? [name] : [])),
    );
    expect(optimizer.stateDict().state).toHaveLength(trained.length);
  });

  it.each([
    ['query', 'none'],
    ['intermediate.dense', 'none'],
    ['pooler.dense', 'all'],
  ] as const)('has the gradients of finite differences on %s', async (target, bias) => {
    const peft = getPeftModel(makeModel(), { r: 2, targetModules: [target], bias, loraAlpha: 3 });
    shake(peft, 4);
    const loss = () => peft.forward(inputs).loss!;
    backward(loss());
    for (const [name, tensor] of peft.namedParameters()) {
      if (!tensor.requiresGrad) continue;
      const [data, grad] = [await values(tensor), await values(tensor.grad!)];
      const at = grad.reduce((best, g, i) => (Math.abs(g) > Math.abs(grad[best]) ? i : best), 0);
      const lossWith = async (change: number) => {
        tensor.detach().copy_(Float32Array.from(data.with(at, data[at] + change)));
        return loss().item();
      };
      const [above, below] = [await lossWith(1e-2), await lossWith(-1e-2)];
      await lossWith(0);
      const slope = (above - below) / 2e-2;
      expect(Math.abs(slope - grad[at]), name).toBeLessThan(1e-3 + 0.02 * Math.abs(slope));
    }
  });

  it('drops units of the input of A alone', async () => {
    const dropped = getPeftModel(makeModel(), { r: 2, loraDropout: 0.5 }, { seed: 1 });
    shake(dropped, 2);
    const still = await values(dropped.forward(inputs).logits);
    expect(await values(dropped.forward(inputs).logits)).toEqual(still);
    for (const module of dropped.modules())
      if ('p' in module) module.training = (module as { p: number }).p === 0.5;
    manualSeed(1);
    const [one, two] = [dropped.forward(inputs).logits, dropped.forward(inputs).logits];
    expect(await values(one)).not.toEqual(await values(two));
  });
});
