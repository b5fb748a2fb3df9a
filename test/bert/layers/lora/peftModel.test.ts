import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../../src/device/cpu.ts';
import {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  bertConfig,
  getPeftModel,
  labelFields,
  PeftModel,
} from '../../../../src/entries/bert.ts';
import { AdamW } from '../../../../src/nn/optim/index.ts';
import { StateError, UsageError } from '../../../../src/platform/errors.ts';
import {
  backward,
  capture,
  manualSeed,
  setDevice,
  type Tensor,
} from '../../../../src/tensor/index.ts';
import { Philox } from '../../../../src/tensor/random.ts';

setDevice(new CpuDevice());
const dir = mkdtempSync(join(tmpdir(), 'wigbert-lora-'));
afterAll(() => rmSync(dir, { recursive: true }));

const config = bertConfig({
  vocabSize: 20,
  hiddenSize: 8,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 8,
  initializerRange: 0.3,
  ...labelFields(['bad', 'good']),
});
const makeModel = () => BertForSequenceClassification.fromConfig(config, 3).eval();
const inputs = {
  inputIds: [
    [2, 9, 7, 3],
    [2, 5, 3, 0],
  ],
  attentionMask: [
    [1, 1, 1, 1],
    [1, 1, 1, 0],
  ],
  labels: [1, 0],
};
const values = async (tensor: Tensor) => [...(await tensor.data())];
const stateOf = async (model: { stateDict(): Map<string, Tensor> }) =>
  Object.fromEntries(
    await Promise.all(
      Array.from(model.stateDict(), async ([name, tensor]) => [name, await values(tensor)]),
    ),
  ) as Record<string, number[]>;
const expectClose = (found: number[], wanted: number[], tolerance = 1e-5) => {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries())
    expect(Math.abs(found[i] - value)).toBeLessThan(tolerance);
};
/** Fills the trained weights with random numbers. */
function shake(peft: PeftModel, seed: number): void {
  const random = new Philox(seed);
  for (const tensor of peft.parameters())
    if (tensor.requiresGrad)
      tensor
        .detach()
        .copy_(Float32Array.from({ length: tensor.size }, () => 0.4 * random.normal()));
}

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
    [{ targetModules: '(' }, /a regular expression that JavaScript reads, got "\("/],
    [{ modulesToSave: ['decoder'] }, /`modulesToSave`: expected modules of the model/],
    [{ bias: 'some' as 'all' }, /`bias`: expected one of none, all, lora_only/],
  ])('refuses %o', (wrong, message) => {
    const call = () => getPeftModel(makeModel(), wrong);
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

describe('several adapters', () => {
  it('take turns, with heads of their own; disabled, the model is what it was', async () => {
    const model = makeModel();
    const logits = () => values(model.forward(inputs).logits);
    const base = await logits();
    const peft = getPeftModel(model, { r: 2 }, { adapterName: 'one', seed: 1 });
    shake(peft, 1);
    const one = await logits();
    peft.addAdapter('two', { r: 3, targetModules: 'all-linear', bias: 'lora_only' });
    expect(await logits()).toEqual(one);
    peft.setAdapter('two');
    expectClose(await logits(), base, 1e-6);
    shake(peft, 2);
    const two = await logits();
    expect(two).not.toEqual(one);
    expect(await peft.disableAdapter(logits)).toEqual(base);
    expect(await logits()).toEqual(two);
    expect(() =>
      peft.disableAdapter(() => {
        throw new StateError('stop');
      }),
    ).toThrow('stop');
    peft.setAdapter('one');
    expect(await logits()).toEqual(one);
    expect(peft.activeAdapter).toBe('one');
    expect([...peft.peftConfig.keys()]).toEqual(['one', 'two']);
    expect(() => peft.setAdapter('three')).toThrow(/\(one, two\), got "three"/);
    expect(() => peft.addAdapter('two', {})).toThrow(/expected a name that is free/);
    expect(() => peft.addAdapter('a.b', {})).toThrow(/without dots/);
    expect(() => new PeftModel(model)).toThrow(/add others with `addAdapter`/);
  });

  it('are noticed by a captured step', async () => {
    const peft = getPeftModel(makeModel(), { r: 2 }, { seed: 1 });
    shake(peft, 1);
    const step = capture(peft.parameters()[0].device, () => peft.forward(inputs).logits);
    const run = async () => [...(await step.run({}))];
    const active = await run();
    expect(await run()).toEqual(active);
    const disabled = await peft.disableAdapter(run);
    expect(disabled).not.toEqual(active);
    expect(await run()).toEqual(active);
  });

  it('are saved and loaded one by one', async () => {
    const model = makeModel();
    const peft = getPeftModel(
      model,
      { r: 2, rankPattern: { key: 3 }, targetModules: ['key', 'dense'], bias: 'all' },
      { seed: 1 },
    );
    shake(peft, 1);
    peft.addAdapter('rs', { useRslora: true, r: 4, loraAlpha: 5 });
    peft.setAdapter('rs');
    shake(peft, 2);
    const found = new Map<string, number[]>();
    for (const name of ['default', 'rs']) {
      peft.setAdapter(name);
      found.set(name, await values(peft.forward(inputs).logits));
      await peft.savePretrained(join(dir, name));
    }
    await makeModel().savePretrained(join(dir, 'base'));
    const base = await BertForSequenceClassification.fromPretrained(join(dir, 'base'));
    // The folder of the base model was not known when they were saved.
    await expect(PeftModel.fromPretrained(base, join(dir, 'rs'))).rejects.toThrow(/set `base`/);
    const { openModelFolder } = await import('../../../../src/entries/bert.ts');
    const open = (name: string) => openModelFolder(join(dir, name), { base: join(dir, 'base') });
    const again = await PeftModel.fromPretrained(base, await open('default'), 'first');
    await again.loadAdapter(await open('rs'), 'second');
    expect(await values(again.forward(inputs).logits)).toEqual(found.get('default'));
    again.setAdapter('second');
    expect(await values(again.forward(inputs).logits)).toEqual(found.get('rs'));
    expect(again.peftConfig.get('second')).toMatchObject({ r: 4, useRslora: true });
    for (const name of ['default', 'rs']) {
      const merged = await BertForSequenceClassification.fromPretrained(await open(name));
      expectClose(await values(merged.forward(inputs).logits), found.get(name)!);
    }
    const bad = new PeftModel(
      BertForSequenceClassification.fromConfig({ ...config, hiddenSize: 4 }),
    );
    await expect(bad.loadAdapter(await open('rs'), 'x')).rejects.toThrow(
      /adapter for another model: expected bert.*query\.weight of \[8,8\], got \[4,4\]/,
    );
  });

  it('has the files that PEFT reads', async () => {
    const json = JSON.parse(readFileSync(join(dir, 'rs', 'adapter_config.json'), 'utf8'));
    expect(json).toMatchObject({
      peft_type: 'LORA',
      task_type: 'SEQ_CLS',
      r: 4,
      lora_alpha: 5,
      lora_dropout: 0,
      target_modules: ['query', 'value'],
      modules_to_save: ['classifier'],
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      use_rslora: true,
    });
    const bytes = readFileSync(join(dir, 'rs', 'adapter_model.safetensors'));
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
    const layer = (i: number, part: string, half: string) =>
      `base_model.model.bert.encoder.layer.${i}.attention.self.${part}.lora_${half}.weight`;
    expect(Object.keys(header).sort()).toEqual(
      [
        '__metadata__',
        ...['classifier.weight', 'classifier.bias'].map((name) => `base_model.model.${name}`),
        ...[0, 1].flatMap((i) =>
          ['query', 'value'].flatMap((part) => ['A', 'B'].map((half) => layer(i, part, half))),
        ),
      ].sort(),
    );
  });
});

describe('mergeAndUnload', () => {
  it.each([
    { targetModules: ['query', 'value'] },
    { targetModules: 'all-linear', useRslora: true, loraAlpha: 2 },
    { targetModules: ['dense'], bias: 'all', alphaPattern: { 'output.dense': 5 } },
  ] as const)('gives the model as it computed, without adapters: %o', async (options) => {
    const peft = getPeftModel(makeModel(), { r: 2, ...options }, { seed: 1 });
    shake(peft, 3);
    const before = await values(peft.forward(inputs).logits);
    await expect(peft.getBaseModel().savePretrained(join(dir, 'x'))).rejects.toThrow(
      /the model has adapters: .*mergeAndUnload/,
    );
    const merged = peft.mergeAndUnload();
    expectClose(await values(merged.forward(inputs).logits), before);
    expect([...merged.stateDict().keys()]).toEqual([...makeModel().stateDict().keys()]);
    expect(merged.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
    expect(peft.activeAdapter).toBe(undefined);
  });
});
