import { Command } from 'commander';
import { expect, it } from 'vitest';
import { fieldsToFlags } from '../../src/cli/flags.ts';

const command = new Command('train')
  .argument('[data]')
  .argument('[files...]')
  .option('--learning-rate <rate>')
  .option('--task <task>')
  .option('--resume <dir>')
  .option('--cased');

it.each([
  ['`learningRate`: expected a number, got x', '--learning-rate: expected a number, got x'],
  ["set `task: 'regression'` for scores", 'set --task regression for scores'],
  ["continue it with `resume: 'out/x'`", 'continue it with --resume out/x'],
  ["continue it with `resume: 'out/my run'`", "continue it with --resume 'out/my run'"],
  ["continue it with `resume: 'it's $x'`", "continue it with --resume 'it'\\''s $x'"],
  ['set `cased: true`', 'set --cased'],
  ['one label (for several, set `labelKind: 1`), got 2', 'one label, got 2'],
  ['x has words: set `labelKind: 1`', 'x has words'],
  [
    'no column; name it (`labelColumn`), choose a kind (`task`), or end',
    'no column, choose a kind (--task), or end',
  ],
  ['`data` and `files` are arguments', '<data> and <files> are arguments'],
  ['`hiddenSize` and `hiddenSize: 3` are no options here', undefined],
  ['run `npm install x`, then `out/x`', undefined],
])('%s', (message, expected) => {
  expect(fieldsToFlags(message, command)).toBe(expected ?? message);
});
