import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { repositoryFile, wigbert } from '../support/cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-export-'));
afterAll(() => rmSync(dir, { recursive: true }));
const shipped = repositoryFile('models/bert-tiny-ko');
const out = join(dir, 'page.html');
const page = (...args: string[]) => wigbert(['export', 'page', ...args]);

describe('wigbert export page', () => {
  it('writes a page of at most the model and 400 KB, and says its size', () => {
    const { status, stdout } = page('--model', shipped, '--out', out, '--language', 'ko');
    expect(status).toBe(0);
    const size = statSync(out).size;
    expect(size).toBeLessThan(statSync(join(shipped, 'model.safetensors')).size + 400_000);
    expect(stdout).toBe(`${out}: ${(size / 1e6).toFixed(1)} MB, of a model of 3.0 MB\n`);
    const text = readFileSync(out, 'utf8');
    expect(text).toContain('<html lang="ko">');
    expect(text).toContain('<title>page</title>');
  });

  it('understands the usual names of its options', () => {
    const { status } = page('--model_name_or_path', shipped, '--output', join(dir, 'b.html'));
    expect(status).toBe(0);
  });

  it.each([
    [['--out', out], /required option '--model <dir>' not specified/],
    [['--model', shipped], /required option '--out <file>' not specified/],
    [['--model', shipped, '--out', out, '--language', 'fr'], /Allowed choices are en, ko/],
    [['--model', join(dir, 'none'), '--out', out], /cannot read .*: no such folder/],
    [['--model', shipped, '--out', dir], /--out: expected the path of a file, got /],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = page(...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  it('refuses a model that a page cannot run', () => {
    const other = join(dir, 'other');
    mkdirSync(other);
    for (const name of ['config.json', 'model.safetensors', 'vocab.txt'])
      writeFileSync(join(other, name), readFileSync(join(shipped, name)));
    const config = JSON.parse(readFileSync(join(other, 'config.json'), 'utf8'));
    config.architectures = ['BertForQuestionAnswering'];
    writeFileSync(join(other, 'config.json'), JSON.stringify(config));
    const { status, stderr } = page('--model', other, '--out', out);
    expect(stderr).toContain('expected a model that classifies or scores texts');
    expect(status).toBe(2);
  });

  it('without a name, lists what can be written', () => {
    const { status, stderr } = wigbert(['export']);
    expect(stderr).toContain('page [options]');
    expect(status).toBe(2);
    expect(wigbert(['export', 'nothing', '--model', 'x']).status).toBe(2);
  });
});
