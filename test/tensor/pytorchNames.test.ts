import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { table } from '../../docs/pytorchNames.mjs';
import * as main from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/nn/optim/index.ts';

it('docs/pytorch-names.md is what the exports give: node docs/pytorchNames.mjs writes it', () => {
  const text = readFileSync(new URL('../../docs/pytorch-names.md', import.meta.url), 'utf8');
  const generated = table({ main, nn, optim });
  expect(text).toBe(generated);
});
