/** Builds dist if a source is newer than its output. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureWasm } from './wasm.mjs';

const SOURCES = ['src'];
const CONFIGS = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

/**
 * Modification times by path.
 * @typedef {Map<string, number>} Times
 */

/**
 * What is wrong with dist: `stale` outputs are missing or older than their source or the
 * configuration; `orphans` belong to sources that no longer exist.
 * @param {Times} sources such as 'src/cli/main.ts'
 * @param {Times} built such as 'src/cli/main.js', inside dist
 * @param {number} configTime the newest configuration's
 * @returns {{ stale: string[], orphans: string[] }}
 */
export function buildState(sources, built, configTime) {
  /** @type {Times} */
  const wanted = new Map();
  for (const [path, time] of sources) {
    if (/(?<!\.d)\.ts$|\.js$/.test(path)) wanted.set(path.replace(/\.ts$/, '.js'), time);
  }
  return {
    stale: [...wanted.keys()].filter((path) => {
      const time = built.get(path);
      return time === undefined || time < Math.max(wanted.get(path) ?? 0, configTime);
    }),
    orphans: [...built.keys()].filter((path) => path.endsWith('.js') && !wanted.has(path)),
  };
}

/**
 * @param {string} root
 * @param {string[]} folders
 * @returns {Times}
 */
function times(root, folders) {
  /** @type {Times} */
  const found = new Map();
  for (const folder of folders.filter((name) => existsSync(join(root, name)))) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const path = `${folder}/${name.replaceAll('\\', '/')}`;
      const stat = statSync(join(root, path));
      if (stat.isFile()) found.set(path, stat.mtimeMs);
    }
  }
  return found;
}

/**
 * Builds dist if it is not up to date.
 * @param {string} root
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} false if it does not build
 */
export async function ensureBuild(root, say) {
  const dist = join(root, 'dist');
  const configTime = Math.max(
    ...CONFIGS.filter((name) => existsSync(join(root, name))).map(
      (name) => statSync(join(root, name)).mtimeMs,
    ),
  );
  const sources = times(root, SOURCES);
  const { stale, orphans } = buildState(sources, times(dist, SOURCES), configTime);
  for (const orphan of orphans) {
    for (const kind of ['.js', '.js.map', '.d.ts'])
      rmSync(join(dist, orphan.replace(/\.js$/, kind)), { force: true });
  }
  // JavaScript among the sources is copied. While tsc runs, this process compiles WebAssembly.
  const isTypeScriptBuilt =
    orphans.length === 0 && stale.every((path) => sources.has(path)) ? true : compile(root, say);
  const isWasmBuilt = await ensureWasm(root, say);
  if (!(await isTypeScriptBuilt) || !isWasmBuilt) return false;
  for (const path of times(root, SOURCES).keys()) {
    if (path.endsWith('.js')) copyFileSync(join(root, path), join(dist, path));
  }
  return true;
}

/**
 * Runs tsc.
 * @param {string} root
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} false if it reports errors
 */
async function compile(root, say) {
  say('building dist (tsc) …');
  // On errors nothing is written; otherwise dist would look newer than sources that do not build.
  // Types are left to `npm run typecheck`: checking doubles the time, and a first start waits here.
  const args = [
    join('node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
    '--noEmitOnError',
    '--noCheck',
  ];
  const tsc = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, errors, [status]] = await Promise.all([
    text(tsc.stdout),
    text(tsc.stderr),
    once(tsc, 'close'),
  ]);
  if (status !== 0) say(`the build failed:\n${`${output}${errors}`.trim()}`);
  return status === 0;
}
