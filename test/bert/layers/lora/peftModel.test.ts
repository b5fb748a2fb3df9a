import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../../src/device/cpu.ts';
import {
  BertForSequenceClassification,
  getPeftModel,
  openModelFolder,
  PeftModel,
} from '../../../../src/entries/bert.ts';
import { StateError } from '../../../../src/platform/errors.ts';
import { capture, setDevice } from '../../../../src/tensor/index.ts';
import { config, expectClose, inputs, makeModel, shake, values } from '../../../support/lora.ts';

setDevice(new CpuDevice());
const dir = mkdtempSync(join(tmpdir(), 'wigbert-lora-'));
afterAll(() => rmSync(dir, { recursive: true }));

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
    expectClose(await peft.disableAdapter(logits), base, 1e-6);
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
