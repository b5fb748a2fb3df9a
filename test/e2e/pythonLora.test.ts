import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import {
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  getPeftModel,
  type LoraConfig,
} from '../../src/entries/bert.ts';
import { setDevice } from '../../src/tensor/index.ts';
import { config, inputs, shake, values } from '../support/lora.ts';

setDevice(new CpuDevice());
const script = fileURLToPath(new URL('../support/lora.py', import.meta.url));
const root = await mkdtemp(join(tmpdir(), 'wigbert-python-lora-'));
afterAll(() => rm(root, { recursive: true }));

const adapters: [typeof BertForSequenceClassification, Partial<LoraConfig>][] = [
  [BertForSequenceClassification, { r: 2, loraAlpha: 16 }],
  [BertForTokenClassification, { r: 3, targetModules: 'all-linear', useRslora: true }],
  [BertForQuestionAnswering, { targetModules: '.*\\.(key|dense)', rankPattern: { key: 2 } }],
  [BertForSequenceClassification, { bias: 'all', modulesToSave: ['classifier', 'pooler'] }],
] as never;

describe('a saved adapter', () => {
  test('is read by torch: the same outputs', async ({ skip }) => {
    const { inputIds, attentionMask } = inputs;
    const file = join(root, 'inputs.json');
    await writeFile(
      file,
      JSON.stringify({
        input_ids: inputIds,
        attention_mask: attentionMask,
        token_type_ids: inputIds.map((row) => row.map(() => 0)),
      }),
    );
    const folders: string[] = [];
    const expected: Record<string, number[]>[] = [];
    for (const [i, [Model, lora]] of adapters.entries()) {
      const base = join(root, `base ${i}`);
      await Model.fromConfig(config, i).savePretrained(base);
      const model = await Model.fromPretrained(base);
      const peft = getPeftModel(model, { ...lora, baseModelNameOrPath: base });
      shake(peft, i);
      const outputs = Object.entries(peft.forward({ inputIds, attentionMask }));
      const logits = outputs.filter(([name]) => /logits$/i.test(name));
      expected.push(
        Object.fromEntries(
          await Promise.all(logits.map(async ([name, tensor]) => [name, await values(tensor)])),
        ),
      );
      folders.push(join(root, String(i)));
      await peft.savePretrained(folders[i]);
    }
    // Debian's python3-torch belongs to Debian's Python, which need not be the first on the path.
    const runs = ['python3', '/usr/bin/python3'].map(
      (python) => () => spawnSync(python, [script, file, '-', ...folders], { encoding: 'utf8' }),
    );
    const isWithoutTorch = ({ error, stderr }: SpawnSyncReturns<string>) =>
      error !== undefined || stderr.includes("No module named 'torch'");
    const first = runs[0]();
    const { stdout, stderr, ...run } = isWithoutTorch(first) ? runs[1]() : first;
    skip(isWithoutTorch({ stdout, stderr, ...run }), 'no Python with torch (python3-torch)');
    expect(stderr).toBe('');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(adapters.length);
    for (const [i, { outputs, unused }] of lines.entries()) {
      expect(unused).toEqual([]);
      expect(Object.keys(outputs).sort()).toEqual(Object.keys(expected[i]).sort());
      for (const [name, found] of Object.entries(expected[i]))
        for (const [j, value] of found.entries())
          expect(Math.abs(outputs[name][j] - value)).toBeLessThan(1e-5);
    }
  });
});
