import { expect, it } from 'vitest';
import { vocab, wigbertHere } from '../support/cli.ts';

it('tokenize prints JSON', async () => {
  const { tokens, inputIds, tokenTypeIds } = JSON.parse(
    (await wigbertHere(['tokenize', 'a film', 'a story', '--vocab', vocab, '--json'])).stdout,
  );
  expect(tokens[0]).toBe('[CLS]');
  expect(inputIds.length).toBe(tokens.length);
  expect(tokenTypeIds.at(-1)).toBe(1);
});

it('--cased beside a model changes nothing, and says so', async () => {
  const tokenize = async (...args: string[]) =>
    await wigbertHere(['tokenize', '--model', 'models/bert-tiny-ko', ...args, '좋은 영화']);
  expect((await tokenize('--cased')).stdout).toBe((await tokenize()).stdout);
  expect((await tokenize('--cased')).stderr).toMatch(
    /--cased goes with --vocab and changes nothing: .* has its own tokenizer/,
  );
});

it.each([
  ['a text that is cut', ['some long words', '--max-length', '4'], 'longer than 4 tokens'],
  ['a pair that is cut', ['a b c', 'd e f', '--max-length', '5'], 'longer than 5 tokens'],
  ['text of [UNK] alone', ['영화 좋다'], '100.0 % of the pieces are [UNK]'],
])('tokenize says what a model does not see of %s', async (_, args, message) => {
  const { status, stderr } = await wigbertHere(['tokenize', '--vocab', vocab, ...args]);
  expect(stderr).toContain(message);
  expect([status, stderr.split('\n').length]).toEqual([0, 2]);
});

it('tokenize knows the cause of unknown pieces, and says nothing of what is known', async () => {
  const model = ['--model', 'models/bert-tiny-ko'];
  const decomposed = await wigbertHere(['tokenize', ...model, '좋은 영화'.normalize('NFD')]);
  expect(decomposed.stderr).toContain('convert them to NFC');
  expect((await wigbertHere(['tokenize', ...model, '좋은 영화'])).stderr).toBe('');
});
