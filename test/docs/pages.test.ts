import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { brokenLinks, pages, readPage, root, shellLinesOf, wordsOf } from '../support/docs.ts';

const folder = join(root, 'src/cli/commands');
const commands = new Map<string, Command>();
for (const file of readdirSync(folder)) {
  const made = Object.entries(await import(join(folder, file)));
  const [, create] = made.find(([name]) => name.endsWith('Command'))!;
  const command = (create as () => Command)()
    .exitOverride()
    .configureOutput({ writeErr() {} });
  commands.set(command.name(), command);
}
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What the command line itself finds wrong with a line; undefined if nothing is. */
function problemOf(line: string): string | undefined {
  const words = wordsOf(line);
  if (words[0] === 'npm' && ['run', 'start', 'test'].includes(words[1])) {
    const script = words[1] === 'run' ? words[2] : words[1];
    if (!(script in scripts)) return `${line}: no script ${script}`;
    if (script !== 'bench') return undefined;
    words.splice(0, 3, 'wigbert', 'bench');
  }
  const args = words.slice(words.indexOf('wigbert') + 1).filter((word) => word !== '--');
  const known = args.filter((word) => !['--profile', '--debug', '--version'].includes(word));
  const [name, ...rest] = known;
  if (name === undefined || name === '--help' || rest.includes('--help')) return undefined;
  const whole = commands.get(name);
  if (!whole) return `${line}: no command ${name}`;
  const command = whole.commands.find((part) => part.name() === rest[0]) ?? whole;
  try {
    const { unknown } = command.parseOptions(rest);
    return unknown.length > 0 ? `${line}: ${unknown[0]}` : undefined;
  } catch (error) {
    return `${line}: ${(error as Error).message}`;
  }
}

const isOurs = (line: string) =>
  /^(npx )?wigbert\b/.test(line) || /^npm (run|start|test)\b/.test(line);

describe('pages', () => {
  it.each(pages)('%s: every command and option exists', (page) => {
    const lines = shellLinesOf(page).filter(isOurs);
    expect(lines.map(problemOf).filter(Boolean)).toEqual([]);
  });

  it('would notice a wrong command or option', () => {
    expect(problemOf('npx wigbert trian data.tsv')).toContain('no command trian');
    expect(problemOf('npx wigbert train data.tsv --epoch 3')).toContain('--epoch');
    expect(problemOf('npx wigbert train data.tsv --device cuda')).toContain('device');
    expect(problemOf('npm run nothing')).toContain('no script nothing');
    expect(problemOf("npx wigbert predict --model m 'a text' --json | head")).toBeUndefined();
  });

  it.each(pages)('%s: every link leads somewhere', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('README.md is at most 120 lines', () => {
    expect(readPage('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(120);
  });
});
