import { expect, it } from 'vitest';
import { vocab, wigbert } from '../support/cli.ts';

it('tokenize prints JSON', () => {
  const { tokens, inputIds, tokenTypeIds } = JSON.parse(
    wigbert(['tokenize', 'a film', 'a story', '--vocab', vocab, '--json']).stdout,
  );
  expect(tokens[0]).toBe('[CLS]');
  expect(inputIds.length).toBe(tokens.length);
  expect(tokenTypeIds.at(-1)).toBe(1);
});

it('--cased beside a model changes nothing, and says so', () => {
  const tokenize = (...args: string[]) =>
    wigbert(['tokenize', '--model', 'models/bert-tiny-ko', ...args, '좋은 영화']);
  expect(tokenize('--cased').stdout).toBe(tokenize().stdout);
  expect(tokenize('--cased').stderr).toMatch(
    /--cased goes with --vocab and changes nothing: .* has its own tokenizer/,
  );
});
