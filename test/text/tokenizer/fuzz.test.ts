import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WigbertError } from '../../../src/platform/errors.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { seeded } from '../../support/mutants.ts';
import { dir, load, VOCAB, write } from './tokenizerJsonFixtures.ts';

// A folder that someone else made can hold anything. Whatever it holds, loading, encoding and
// saving give a result or a WigbertError, soon and in a short message.

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const MAX_SECONDS = 20;

/** Values that files of other programs, or of nobody, have. */
const VALUES: unknown[] = [
  ...[null, true, false, 0, 1, -1, 0.5, 512.5, 1e9, 1e15, 1e30, -1e30, 2 ** 31, 2 ** 53],
  ...[
    '',
    ' ',
    'a',
    '[UNK]',
    '[MASK]',
    '##',
    '\n',
    '\u0000',
    '\ud800',
    '(',
    '▁',
    'x'.repeat(100_000),
  ],
  ...[[], {}, [[]], [null], ['a', 'a'], { a: 1 }, { __proto__: null, constructor: 1 }],
  ...[{ content: 'a' }, { content: 3 }, { content: '' }, Array(1000).fill('<x>')],
];
const KEYS = ['constructor', 'toString', 'type', 'id', 'content', '0', '-1', '1e3', '', 'x'];

type Files = Record<string, string>;

const originals: Files[] = ['BertTokenizer', 'BertTokenizerFast'].map((tokenizerClass) =>
  new BertTokenizer(VOCAB, {
    tokenizerClass: tokenizerClass as 'BertTokenizer',
    addedTokens: ['<e>', { content: '<f>', singleWord: true, lstrip: true }],
    additionalSpecialTokens: ['<s>'],
    modelMaxLength: 48,
  }).files(),
);

/** Changes one place of a JSON value, deep inside or on top. */
function mutateJson(value: unknown, random: () => number): unknown {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)];
  if (typeof value !== 'object' || value === null || random() < 0.1) return pick(VALUES);
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  const keys = Object.keys(copy);
  const key = keys.length > 0 && random() < 0.9 ? pick(keys) : pick(KEYS);
  const action = random();
  if (action < 0.15) delete copy[key];
  else if (action < 0.3) copy[pick(KEYS)] = copy[key];
  else copy[key] = mutateJson(copy[key], random);
  return copy;
}

/** Changes bytes: cut, repeated, replaced, or in another order. */
function mutateText(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length);
  const end = at + Math.floor(random() * 40);
  const action = random();
  if (action < 0.25) return text.slice(0, at);
  if (action < 0.5) return text.slice(0, at) + text.slice(end);
  if (action < 0.75) return text.slice(0, end) + text.slice(at);
  const odd = ['\u0000', '\ufffd', '\r', '\n\n', '"', '{', '[UNK]\n', '▁a\n▁b\n', '\ud800'];
  return text.slice(0, at) + odd[Math.floor(random() * odd.length)] + text.slice(end);
}

function mutate(files: Files, random: () => number): Files {
  const mutant = { ...files };
  for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--) {
    const names = Object.keys(mutant);
    const name = names[Math.floor(random() * names.length)];
    if (name === undefined || random() < 0.03) delete mutant[name];
    else if (name.endsWith('.txt') || random() < 0.2)
      mutant[name] = mutateText(mutant[name], random);
    else {
      try {
        mutant[name] = JSON.stringify(mutateJson(JSON.parse(mutant[name]), random)) ?? '';
      } catch {
        mutant[name] = mutateText(mutant[name], random);
      }
    }
  }
  return mutant;
}

/** Loads and uses a folder; the error, if there is one. */
async function outcome(files: Files): Promise<unknown> {
  try {
    for (const name of ['vocab.txt', 'tokenizer.json', ...Object.keys(originals[1])])
      if (files[name] === undefined) await rm(join(dir, name), { force: true });
    for (const [name, content] of Object.entries(files)) await write(name, content);
    const tokenizer = await load();
    const text = 'a éA<e> 字 <f>[MASK] constructor';
    const { inputIds } = tokenizer.encode(text, 'b', {
      ...{ truncation: true, padding: true, returnOffsetsMapping: true },
    });
    tokenizer.decode(inputIds, { skipSpecialTokens: true });
    tokenizer.files({ modelMaxLength: 512 });
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('mutated tokenizer files', () => {
  it(
    `give a tokenizer or a WigbertError: ${RUNS}`,
    async () => {
      const random = seeded(14);
      let [loaded, refused] = [0, 0];
      for (let run = 0; run < RUNS; run++) {
        const files = mutate(originals[run % 2], random);
        const start = performance.now();
        const error = await outcome(files);
        const seconds = (performance.now() - start) / 1000;
        const where = () => JSON.stringify({ run, files }).slice(0, 5000);
        if (error === undefined) loaded++;
        else {
          refused++;
          expect(error, where()).toBeInstanceOf(WigbertError);
          expect((error as Error).message.length, where()).toBeLessThan(dir.length + 700);
        }
        expect(seconds, where()).toBeLessThan(MAX_SECONDS);
      }
      // Both happen, or the mutations are too strong or too weak.
      expect(Math.min(loaded, refused)).toBeGreaterThan(RUNS / 10);
    },
    Math.max(60_000, RUNS * 200),
  );
});
