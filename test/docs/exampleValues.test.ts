import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as tensors from '../../src/index.ts';
import * as optim from '../../src/nn/optim/index.ts';
import { root } from '../support/docs.ts';

/** Examples of one line that end with their value: `exp(tensor([0, 1])); // [1, 2.718]`. */
const WITH_VALUE =
  /@example(?:\n \*)? (?!const )([^;\n]+); \/\/ (\[.*\]|-?[\d.]+|true|false|'\w+')\s+\*\//g;
const FOLDERS = ['src/tensor', 'src/tensor/ops', 'src/nn', 'src/nn/optim'];

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);
const examples = files.flatMap((file) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(WITH_VALUE)].map(([, code, value]) => ({
    code,
    value,
  })),
);

const names: Record<string, unknown> = { ...optim, ...tensors };
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
async function evaluate(code: string): Promise<unknown> {
  const used = Object.keys(names).filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  const value = await new AsyncFunction(...used, `return ${code};`)(
    ...used.map((name) => names[name]),
  );
  return value instanceof tensors.Tensor ? value.tolist() : value;
}

const rounded = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(rounded);
  return typeof value === 'number' ? Number(value.toPrecision(4)) + 0 : value;
};

describe('examples that tell their value', () => {
  it('are many', () => {
    expect(examples.length).toBeGreaterThan(200);
  });

  it('tell the truth', async () => {
    await tensors.useDevice('cpu');
    const found: string[] = [];
    const expected: string[] = [];
    for (const { code, value } of examples) {
      found.push(`${code}: ${JSON.stringify(rounded(await evaluate(code)))}`);
      expected.push(`${code}: ${JSON.stringify(JSON.parse(value.replaceAll("'", '"')))}`);
    }
    expect(found).toEqual(expected);
  });
});
