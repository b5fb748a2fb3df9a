import { cpSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cliFixture, wigbertHere } from '../support/cli.ts';

const { dir, data, trainedModel } = cliFixture();

describe('--lora', () => {
  let base = '';
  beforeAll(async () => {
    base = await trainedModel();
  });
  const adapter = join(dir, 'adapter');
  const train = async (...more: string[]) =>
    await wigbertHere([
      'train',
      data,
      '--model',
      base,
      '--epochs',
      '1',
      '--device',
      'cpu',
      ...more,
    ]);
  const predict = async (model: string, ...more: string[]) => {
    const args = ['predict', '--model', model, '--device', 'cpu', '--json', ...more];
    return await wigbertHere([...args, 'a wonderful film']);
  };

  it('trains an adapter, which predicts, is merged, and finds a base that moved', async () => {
    const run = await train('--lora', '2', '--lora-target', 'query,key', '--out', adapter);
    expect(run.stderr).toMatch(/parameters, [\d,]+ of them trained/);
    expect(run.status).toBe(0);
    expect(readdirSync(adapter)).toContain('adapter_model.safetensors');
    const found = await predict(adapter);
    expect(JSON.parse(found.stdout).label).toBe('good');
    const merged = join(dir, 'merged');
    const merge = await wigbertHere(['merge', '--model', adapter, '--out', merged]);
    expect(merge.stdout).toMatch(/merged: BertForSequenceClassification/);
    expect(JSON.parse((await predict(merged)).stdout)).toEqual(JSON.parse(found.stdout));
    const refused = await wigbertHere(['merge', '--model', adapter, '--out', merged]);
    expect(refused.stderr).toMatch(/choose another --out, or set --overwrite to replace it/);
    // What a folder holds of an adapter would change how it is read.
    cpSync(join(adapter, 'adapter_config.json'), join(merged, 'adapter_config.json'));
    const over = ['merge', '--overwrite', '--model', adapter, '--out'];
    expect((await wigbertHere([...over, merged])).status).toBe(0);
    expect(readdirSync(merged)).not.toContain('adapter_config.json');
    expect(JSON.parse((await predict(merged)).stdout)).toEqual(JSON.parse(found.stdout));
    for (const own of [adapter, base])
      expect((await wigbertHere([...over, own])).stderr).toMatch(/expected another folder than/);
    const moved = join(dir, 'moved');
    renameSync(base, moved);
    const lost = await predict(adapter);
    expect(lost.stderr).toMatch(/base model of the adapter .*; set --base to the folder/);
    expect(lost.status).toBe(2);
    expect((await predict(adapter, '--base', moved)).stdout).toBe(found.stdout);
    renameSync(moved, base);
  });

  it('names the option whose value names no layer', async () => {
    const run = await train('--lora', '2', '--lora-target', 'q', '--out', join(dir, 'wrong'));
    expect(run.stderr).toMatch(/--lora-target: expected names of linear layers/);
    expect(run.status).toBe(2);
  });

  it('is kept by a run: another rank does not resume it', async () => {
    const run = await wigbertHere(['train', '--resume', adapter, '--lora', '3']);
    expect(run.stderr).toMatch(/--lora: expected 2, with which .*adapter was begun, got 3/);
    expect(run.status).toBe(2);
  });
});
