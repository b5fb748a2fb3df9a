import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { Philox } from '../../src/tensor/random.ts';

export const cli = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
export const dir = mkdtempSync(join(tmpdir(), 'wigbert-study-'));
afterAll(() => rmSync(dir, { recursive: true }));

// A text's label is that of most of its words.
const random = new Philox(11);
export const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 3 + random.randint(6) }, () =>
      random.uniform() < 0.8 ? i % 2 : 1 - (i % 2),
    );
    const text = words.map((side) => `${side ? 'good' : 'bad'}${random.randint(8)}`);
    return `${text.join(' ')}\t${i % 2 ? 'yes' : 'no'}`;
  });
const table = (count: number) => `text\tlabel\n${rows(count).join('\n')}\n`;
export const folder = join(dir, 'data');
mkdirSync(folder);
writeFileSync(join(folder, 'some_train.txt'), table(120));
writeFileSync(join(folder, 'some_test.txt'), table(40));
writeFileSync(join(folder, 'LICENSE'), '');
export const file = join(folder, 'some_train.txt');
