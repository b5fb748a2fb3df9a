import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { repositoryFile } from '../../support/cli.ts';

const open = `
const { openDevice, ones } = await import(${JSON.stringify(repositoryFile('dist/src/index.js'))});
const device = await openDevice('wasm', { threads: 3 });
const x = ones([100, 100], { device });`;

it.each([
  ['that computes nothing', '', 0],
  ['that multiplies', 'console.log((await x.matmul(x).data())[0]);', 0],
  ['that multiplies and throws', 'x.matmul(x); throw new Error("no");', 1],
  ['whose device is destroyed', 'x.matmul(x); device.destroy();', 0],
])('a program %s ends by itself', (_, body, expected) => {
  const { status, signal } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', open + body],
    { timeout: 60_000 },
  );
  expect([status, signal]).toEqual([expected, null]);
});
