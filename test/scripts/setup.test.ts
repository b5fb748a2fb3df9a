import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

test('an unknown option is wrong usage', () => {
  const args = [join(scripts, 'setup.mjs'), '--biuld'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toBe(
    'setup: unknown option --biuld; expected --build, --web, --no-driver or --tests\n',
  );
});

test('setup names no package host', () => {
  const folder = join(scripts, 'setup');
  for (const name of readdirSync(folder))
    expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(/https?:/);
});
