import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellQuote, wigbertCommand } from '../../src/cli/shell.ts';

it.each([
  'plain',
  'my model',
  '모델/새 것',
  "it's",
  '$HOME',
  'a"b',
  'a*b',
  '`x`',
  '~/x',
  'a\nb',
  '',
])('a shell reads %j as it was', (word) => {
  const { stdout } = spawnSync('sh', ['-c', `printf %s ${shellQuote(word)}`], { encoding: 'utf8' });
  expect(stdout).toBe(word);
});

it('quotes only what needs it', () => {
  expect(wigbertCommand('predict', '--model', 'out/모델', 'some text')).toBe(
    "npx wigbert predict --model out/모델 'some text'",
  );
});
