import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const reporter = path('../../scripts/summary-reporter.mjs');
const folder = mkdtempSync(join(tmpdir(), 'wigbert-summary-'));
symlinkSync(path('../../node_modules'), join(folder, 'node_modules'), 'junction');
writeFileSync(
  join(folder, 'vitest.config.mjs'),
  `export default { test: { reporters: ['default', ${JSON.stringify(reporter)}] } };`,
);
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs test files; returns the exit status and the last printed line. */
function run(files: Record<string, string>): { status: number | null; last: string | undefined } {
  const tests = join(folder, 'tests');
  rmSync(tests, { recursive: true, force: true });
  mkdirSync(tests);
  for (const [name, text] of Object.entries(files))
    writeFileSync(
      join(tests, `${name}.test.mjs`),
      `import { beforeAll, describe, expect, test } from 'vitest';\n${text}`,
    );
  const vitest = path('../../node_modules/vitest/vitest.mjs');
  const { status, stdout } = spawnSync(process.execPath, [vitest, 'run'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, last: stdout.trimEnd().split('\n').at(-1) };
}

test('skipped tests are counted apart', () => {
  const files = {
    a: `test('a', () => {}); test('b', () => {});`,
    b: `test.skip('c', () => {}); test.todo('d');`,
  };
  expect(run(files)).toEqual({ status: 0, last: '2 passed, 0 failed, 2 skipped' });
});

test('everything that can go wrong counts as failed', () => {
  const files = {
    fails: `test('passes', () => {}); test('fails', () => expect(1).toBe(2));`,
    hook: `describe('s', () => {
      beforeAll(() => { throw new Error(); });
      test('is skipped', () => {});
    });`,
    doesNotLoad: `throw new Error();`,
    outside: `test('passes', () => {
      setTimeout(() => { throw new Error(); });
      return new Promise((done) => setTimeout(done, 50));
    });`,
    dies: `test('never ends', () => {
      process.kill(process.pid, 'SIGKILL');
      return new Promise(() => {});
    });`,
  };
  // One failure each; the process that dies counts twice: its test and its death.
  expect(run(files)).toEqual({ status: 1, last: '2 passed, 6 failed, 1 skipped' });
});

test('no tests at all is a failure', () => {
  expect(run({})).toEqual({ status: 1, last: '0 passed, 1 failed' });
});
