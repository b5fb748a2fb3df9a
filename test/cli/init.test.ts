import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { repositoryFile, wigbert } from '../support/cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-init-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('wigbert init', () => {
  it('makes a project whose program finds the package and its data', () => {
    const folder = join(dir, 'My classifier!');
    const { status, stdout } = wigbert(['init', folder]);
    expect(status).toBe(0);
    expect(stdout).toContain('made the project my-classifier;');
    expect(readdirSync(folder).sort()).toEqual(
      ['.gitignore', 'README.md', 'data', 'package.json', 'train.mjs'].sort(),
    );
    expect(readdirSync(join(folder, 'data'))).toEqual(['test.tsv', 'train.tsv', 'vocab.txt']);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const { version } = JSON.parse(readFileSync(repositoryFile('package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: 'my-classifier',
      type: 'module',
      scripts: { start: 'node train.mjs' },
      dependencies: { wigbert: `^${version}` },
    });
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(repositoryFile('.'), join(folder, 'node_modules', 'wigbert'));
    // The program itself, on one step.
    const program = readFileSync(join(folder, 'train.mjs'), 'utf8')
      .replace("useDevice('auto')", "useDevice('cpu')")
      .replace('learningRate', 'maxLength: 8, maxSteps: 1, batchSize: 2, learningRate')
      .replaceAll('data/test.tsv', 'data/few.tsv')
      .replace(
        'await fineTune',
        "(await import('node:fs')).writeFileSync('data/few.tsv', few);\n$&",
      );
    const few = "const few = 'text\\tlabel\\n' + 'a\\tpositive\\nb\\tnegative\\n'.repeat(5);\n";
    const run = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', few + program.replaceAll('data/train.tsv', 'data/few.tsv')],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(run.stderr).toBe('');
    expect(run.stdout).toMatch(/epoch 1: loss [\d.]+/);
    expect(readdirSync(join(folder, 'out', 'model'))).toContain('model.safetensors');
  });

  it.each([
    ['a folder that holds something', dir, /: expected an empty folder/],
    ['a file', repositoryFile('package.json'), /: it is not a folder/],
  ])('refuses %s', (_, folder, message) => {
    const { status, stderr } = wigbert(['init', folder]);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
