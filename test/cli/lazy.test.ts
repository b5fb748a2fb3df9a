import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { expect, it } from 'vitest';
import { repositoryFile } from '../support/cli.ts';

const dist = repositoryFile('dist/src');

/** What a module loads at once, with all that these load; dynamic imports are not followed. */
function loaded(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  const text = readFileSync(path, 'utf8');
  for (const [, target] of text.matchAll(/^(?:import|export) [^;]*?from ["'](\.[^"']+)["']/gm))
    loaded(join(dirname(path), target), found);
  return found;
}

it('--help loads no command, and none of them the engine', () => {
  const paths = (from: string) =>
    [...loaded(join(dist, from))].map((path) => relative(dist, path).split(sep).join('/'));
  const help = paths('cli/main.js');
  expect(help).toContain('cli/commandList.js');
  expect(help.length).toBeLessThan(15);
  const names = readdirSync(join(dist, 'cli/commands')).filter((name) => name.endsWith('.js'));
  const commands = names.flatMap((name) => paths(`cli/commands/${name}`));
  expect(commands).toContain('cli/options.js');
  const engine = ['tensor', 'kernels', 'device', 'nn', 'measure', 'bench'];
  const floors = [...help, ...commands].map((path) => path.split('/')[0]);
  expect(floors.filter((floor) => engine.includes(floor))).toEqual([]);
});

it('each file of a command is in the list of commands, or a part of another one', () => {
  const folder = join(dist, 'cli/commands');
  const names = readdirSync(folder).filter((name) => name.endsWith('.js'));
  const paths = [join(dist, 'cli/commandList.js'), ...names.map((name) => join(folder, name))];
  const text = paths.map((path) => readFileSync(path, 'utf8')).join('');
  expect(names.filter((name) => !text.includes(`/${name}`))).toEqual([]);
});
