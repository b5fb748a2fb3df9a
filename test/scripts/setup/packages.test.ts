import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ensurePackages, packagesMatch, satisfies } from '../../../scripts/setup/packages.mjs';

describe('packages', () => {
  test.each([
    ['20.20.2', true],
    ['20.19.0', true],
    ['20.18.9', false],
    ['18.20.0', false],
    ['21.7.0', false],
    ['22.11.0', false],
    ['22.12.0', true],
    ['23.5.0', false],
    ['24.0.0', true],
    ['26.1.0', true],
  ])('Node %s is fit: %s', (version, expected) => {
    expect(satisfies(version, '^20.19 || ^22.12 || >=24')).toBe(expected);
  });

  const lock = {
    packages: {
      '': { version: '0.1.0' },
      'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
      'node_modules/a-mac': { version: '1.0.0', integrity: 'sha512-m', optional: true },
    },
  };
  const installed = (a: object, rest: object = {}) => ({
    packages: { 'node_modules/a': a, ...rest },
  });
  const everywhere = () => true;

  test('match: other platforms may be missing, more may be installed', () => {
    const found = installed(lock.packages['node_modules/a'], {
      'node_modules/more': { version: '9.0.0' },
    });
    expect(packagesMatch(lock, found, everywhere)).toBe(true);
  });

  test('do not match: missing, another version, other content, or deleted', () => {
    expect(packagesMatch(lock, { packages: {} }, everywhere)).toBe(false);
    expect(
      packagesMatch(lock, installed({ version: '1.0.1', integrity: 'sha512-a' }), everywhere),
    ).toBe(false);
    expect(
      packagesMatch(lock, installed({ version: '1.0.0', integrity: 'sha512-b' }), everywhere),
    ).toBe(false);
    expect(packagesMatch(lock, installed(lock.packages['node_modules/a']), () => false)).toBe(
      false,
    );
  });
});

describe('in a project', () => {
  let root: string;
  let said: string[];
  const say = (line: string) => said.push(line);
  const put = (path: string, text: string) => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'wigbert-project-'));
    said = [];
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
    vi.unstubAllEnvs();
  });

  test('packages are installed once, by the npm that runs the script', () => {
    const lock = JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } });
    put('package-lock.json', lock);
    put(
      'npm-cli.js',
      `const fs = require('fs');
      fs.mkdirSync('node_modules/a', { recursive: true });
      fs.writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(lock)});
      fs.appendFileSync('ran.txt', process.argv.slice(2, 4).join(' ') + ';');`,
    );
    vi.stubEnv('npm_execpath', join(root, 'npm-cli.js'));
    expect(ensurePackages(root, say)).toBe(true);
    expect(ensurePackages(root, say)).toBe(true);
    expect(said).toEqual(['installing the packages (npm ci) …']);
    expect(readFileSync(join(root, 'ran.txt'), 'utf8')).toBe('ci --include=dev;');
  });

  test('errors of npm are passed on', () => {
    put(
      'package-lock.json',
      JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } }),
    );
    put('npm-cli.js', `console.error('npm error no network'); process.exit(1);`);
    vi.stubEnv('npm_execpath', join(root, 'npm-cli.js'));
    expect(ensurePackages(root, say)).toBe(false);
    expect(said[1]).toBe('npm ci failed; the packages are not installed:\nnpm error no network');
  });

  test('without a lock file nothing is installed', () => {
    expect(ensurePackages(root, say)).toBe(true);
    expect(said).toEqual([]);
  });
});
