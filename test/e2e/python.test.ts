import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { torchDtypes } from '../../src/bert/checkpoint/torchDtype.ts';
import { bertConfig } from '../../src/entries/bert.ts';
import { noGrad, type Tensor } from '../../src/index.ts';
import { classOf, headNames } from '../support/heads.ts';
import { seeded } from '../support/mutants.ts';

// Debian's python3-torch belongs to Debian's Python, which need not be the first on the path.
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import torch']).status === 0,
);
if (!python)
  console.warn('no Python with torch (Debian: python3-torch): the tests that need it are skipped');

const script = fileURLToPath(new URL('../support/bert.py', import.meta.url));
const root = await mkdtemp(join(tmpdir(), 'wigbert-python-'));
afterAll(() => rm(root, { recursive: true }));

const config = bertConfig({
  vocabSize: 40,
  hiddenSize: 12,
  numHiddenLayers: 2,
  numAttentionHeads: 3,
  intermediateSize: 20,
  maxPositionEmbeddings: 10,
  layerNormEps: 1e-6,
});
const random = seeded(3);
const rows = (below: number) =>
  Array.from({ length: 3 }, () => Array.from({ length: 7 }, () => Math.floor(random() * below)));
const [inputIds, tokenTypeIds] = [rows(40), rows(2)];
const attentionMask = [7, 4, 1].map((length) =>
  Array.from({ length: 7 }, (_, i) => Number(i < length)),
);

/**
 * Each class with random weights that float16 represents exactly; the last has an untied decoder.
 */
const models = [...headNames, 'BertForMaskedLM' as const].map((head, i) => {
  const model = classOf(head)
    .fromConfig(bertConfig({ ...config, tieWordEmbeddings: i < headNames.length }))
    .eval();
  const draw = () => Math.round((random() - 0.4) * 2048) / 2048;
  for (const weight of model.parameters())
    weight.copy_(Float32Array.from({ length: weight.size }, draw));
  return { head, model, dir: join(root, String(i)), torchDtype: torchDtypes[i % 2] };
});

describe.skipIf(!python)('a saved model', () => {
  test('is read by torch: the same weights and the same outputs', async () => {
    for (const { model, dir, torchDtype } of models)
      await model.savePretrained(dir, {}, { torchDtype });
    const inputs = join(root, 'inputs.json');
    await writeFile(
      inputs,
      JSON.stringify({
        input_ids: inputIds,
        attention_mask: attentionMask,
        token_type_ids: tokenTypeIds,
      }),
    );
    const { stdout, stderr, status } = spawnSync(
      python!,
      [script, inputs, ...models.map(({ dir }) => dir)],
      {
        encoding: 'utf8',
      },
    );
    expect(status, stderr).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines.length).toBe(models.length);
    for (const [i, { head, model }] of models.entries()) {
      const { architecture, unused, outputs } = JSON.parse(lines[i]);
      expect(architecture).toBe(head);
      expect(unused).toEqual([]);
      const wrap = (ids: number[][]) => (head === 'BertForMultipleChoice' ? [ids] : ids);
      const given = {
        inputIds: wrap(inputIds),
        attentionMask: wrap(attentionMask),
        tokenTypeIds: wrap(tokenTypeIds),
      };
      const forward = model as unknown as { forward(inputs: object): Record<string, Tensor> };
      const own = noGrad(() => forward.forward(given));
      for (const [name, expected] of Object.entries(outputs as Record<string, number[]>)) {
        const values = await own[name].data();
        expect(values.length, `${head} ${name}`).toBe(expected.length);
        const worst = Math.max(...expected.map((value, at) => Math.abs(value - values[at])));
        expect(worst, `${head} ${name}`).toBeLessThan(1e-5);
      }
    }
  });
});
