import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { type Read, read, type TextFormat } from './fixtures.ts';
import { plainCsv } from './plainCsv.ts';

/** Mutated rows of each format: MUTATIONS=100000 for a long run. */
const count = Number(process.env.MUTATIONS ?? 1500);
const ROWS = 12;

const words = ['좋은', '영화', 'a "b"', "it's", 'x, y', '', '뷁', '끝.', '😀', '#', '-', '1.0'];

/** A record as it stands in a file, and what is read of it. */
interface Sample {
  source: string;
  values: unknown[];
}

type Draw = (below: number) => number;

const textOf = (draw: Draw): string =>
  Array.from({ length: 1 + draw(4) }, () => words[draw(words.length)]).join(' ');

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** How a format writes records: a header, records, what separates them, and an end. */
const writers: Record<
  TextFormat,
  { begin: string; between: string; end: string; sample(draw: Draw): Sample }
> = {
  tsv: {
    begin: 'text\tlabel\n',
    ...{ between: '\n', end: '\n' },
    sample(draw) {
      // A bare quote, so that quotes are no syntax.
      const values = [`${textOf(draw)} "q`, String(draw(2))];
      return { source: values.join('\t'), values };
    },
  },
  csv: {
    begin: 'text,label\n',
    ...{ between: '\n', end: '\n' },
    sample(draw) {
      const values = [draw(4) === 0 ? `${textOf(draw)}\n${textOf(draw)}` : textOf(draw), 'pos'];
      const fields = values.map((text) =>
        /[",\n]/.test(text) || draw(3) === 0 ? quoted(text) : text,
      );
      return { source: fields.join(','), values };
    },
  },
  jsonl: { begin: '', ...{ between: '\n', end: '\n' }, sample: jsonSample },
  json: { begin: '[\n', ...{ between: ',\n', end: '\n]\n' }, sample: jsonSample },
  conll: {
    begin: '',
    ...{ between: '\n\n', end: '\n' },
    sample(draw) {
      const tokens = Array.from({ length: 1 + draw(4) }, () => words[draw(words.length)] || ' ');
      const tags = tokens.map(() => ['O', 'B-PER', 'I-PER'][draw(3)]);
      const source = tokens.map((token, i) => `${token}\t${tags[i]}`).join('\n');
      return { source, values: [tokens, tags] };
    },
  },
};

function jsonSample(draw: Draw): Sample {
  const values = [textOf(draw), draw(2)];
  return { source: JSON.stringify({ text: values[0], label: values[1] }), values };
}

const insertions = [
  '"',
  "'",
  '\t',
  ',',
  '\n',
  '\r',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ' ',
  '\0',
  'x',
  '#',
  '가',
];

/** Changes a few characters of a record. */
function mutate(source: string, draw: Draw): string {
  let chars = [...source];
  for (let left = 1 + draw(3); left > 0; left--) {
    const at = draw(chars.length + 1);
    const kind = draw(4);
    if (kind === 0) chars.splice(at, 1);
    else if (kind === 1) chars.splice(at, 0, insertions[draw(insertions.length)]);
    else if (kind === 2) chars.splice(at, 1 + draw(6));
    else chars = [...chars.slice(0, at), ...chars.slice(Math.max(0, at - draw(8)))];
  }
  return chars.join('');
}

const lineCount = (text: string): number => text.split(/\r\n|\n|\r/).length;

interface Mutated {
  samples: Sample[];
  /** The record that was changed. */
  at: number;
  content: string;
  /** The first line of each record, and the one after the last. */
  lines: number[];
  source: string;
}

function mutatedFile(format: TextFormat, draw: Draw): Mutated {
  const writer = writers[format];
  const samples = Array.from({ length: ROWS }, () => writer.sample(draw));
  const at = 1 + draw(ROWS - 2);
  const sources = samples.map(({ source }) => source);
  sources[at] = mutate(sources[at], draw);
  const lines: number[] = [];
  let before = writer.begin;
  for (const source of sources) {
    lines.push(lineCount(before));
    before += source + writer.between;
  }
  lines.push(lineCount(before));
  const content = writer.begin + sources.join(writer.between) + writer.end;
  return { samples, at, content, lines, source: sources[at] };
}

/** The records that were not changed, and are neither read nor named. */
function unaccounted({ samples, at, lines }: Mutated, { rows, problems }: Read): number[] {
  const byLine = new Map(rows.map((row) => [row.line, row.values]));
  return samples.flatMap(({ values }, i) => {
    if (i === at) return [];
    const found = byLine.get(lines[i])?.slice(0, 2);
    if (JSON.stringify(found) === JSON.stringify(values)) return [];
    return problems.some(({ line }) => line >= lines[i] && line < lines[i + 1]) ? [] : [i];
  });
}

/** Whether the changed record is read or named; blank lines, and comments of CoNLL, are neither. */
function isAccounted({ at, lines, source }: Mutated, { rows, problems }: Read): boolean {
  const [first, next] = [lines[at], lines[at + 1]];
  const isNamed = [...rows, ...problems].some(({ line }) => line >= first && line < next);
  return isNamed || /^[\s,\]]*$|^\s*#[^\t]*$|^#/.test(source);
}

/**
 * Whether all rows of CSV are those that a plain reader finds too. Then a stray quote has paired
 * with a later one, and the lines between are a field as good as any.
 */
function isPlainCsv({ content }: Mutated, { rows }: Read): boolean {
  const plain = new Set(plainCsv(content).map((fields) => JSON.stringify(fields)));
  return rows.every(({ values }) => plain.has(JSON.stringify(values)));
}

describe('mutated rows', () => {
  it.each(['tsv', 'csv', 'jsonl', 'json', 'conll'] as const)(
    'of %s cost themselves: never a crash, and all other rows are read or named',
    async (format) => {
      const random = new Philox(Number(process.env.MUTATION_SEED ?? 7), 1);
      const draw: Draw = (below) => random.randint(below);
      const swallowed: string[] = [];
      for (let run = 0; run < count; run++) {
        const file = mutatedFile(format, draw);
        const found = await read(file.content, `a.${format}`).catch((error) => {
          if (error instanceof UsageError) return undefined;
          throw error;
        });
        if (!found) continue;
        const isWhole = unaccounted(file, found).length === 0 && isAccounted(file, found);
        const mustBePlain = format === 'csv' && (!isWhole || found.problems.length === 0);
        if (mustBePlain ? !isPlainCsv(file, found) : !isWhole) swallowed.push(file.content);
      }
      expect(swallowed).toEqual([]);
    },
    600_000,
  );
});
