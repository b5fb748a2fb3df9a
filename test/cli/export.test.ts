import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cliFixture, wigbertHere } from '../support/cli.ts';

const { dir, data, trainedModel } = cliFixture();

describe('export onnx', () => {
  let model = '';
  beforeAll(async () => {
    model = await trainedModel();
  });
  const out = join(dir, 'onnx');
  const run = (...args: string[]) =>
    wigbertHere(['export', 'onnx', '--model', model, '--out', out, '--device', 'cpu', ...args]);
  const json = (name: string) => JSON.parse(readFileSync(join(out, name), 'utf8'));

  it.each([
    ['float32', 'model.onnx', 'fp32', 1e-4],
    ['int8', 'model_int8.onnx', 'int8', 1],
  ] as const)(
    'writes a folder in %s and compares it with the model',
    async (dtype, file, name, most) => {
      const { stdout, status } = await run('--dtype', dtype);
      expect(status).toBe(0);
      expect(stdout).toMatch(/logits: differs by at most .* on 100 texts in onnxruntime-web/);
      for (const each of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'])
        expect(existsSync(join(out, each)), each).toBe(true);
      expect(existsSync(join(out, 'onnx', file))).toBe(true);
      expect(json('config.json')['transformers.js_config']).toEqual({ dtype: name });
      const { outputs, texts } = json('onnx/verification.json')[file];
      expect(texts).toBe(100);
      expect(outputs.logits.maxDifference).toBeLessThan(most);
      expect(outputs.logits.sameArgmax).toBeGreaterThan(0.9);
    },
  );

  it('refuses to write into the model', async () => {
    const over = await wigbertHere(['export', 'onnx', '--model', model, '--out', `${model}/`]);
    expect(over.stderr).toMatch(/--out: expected another folder than that of the model/);
    expect(over.status).toBe(2);
  });

  it('convert --dtype int8 tells what it costs, and its model predicts', async () => {
    const small = join(dir, 'int8');
    const args = ['--model', model, '--dtype', 'int8', '--out', small, '--data', data];
    const { stdout } = await wigbertHere(['convert', ...args, '--device', 'cpu']);
    expect(stdout).toMatch(/weights in int8\naccuracy: 1.0000 before, \d\.\d{4} after/);
    expect(readFileSync(join(small, 'README.md'), 'utf8')).toMatch(/\| accuracy \| 1.0000 \|/);
    const text = ['a wonderful film', '--device', 'cpu', '--json'];
    const { label } = JSON.parse(
      (await wigbertHere(['predict', '--model', small, ...text])).stdout,
    );
    expect(label).toBe('good');
  });
});
