/**
 * Prepares a fresh machine: checks Node's version, installs the packages and looks for a WebGPU
 * adapter, for which it may install a driver. Options:
 *
 * - `--build` builds dist, `--web` the page too.
 * - `--no-driver` leaves the adapter out: the wasm device needs none.
 * - `--tests` prepares all that the tests need: the page, a browser and Open MPI too.
 *
 * It is quick and silent if there is nothing to do.
 * Plain JavaScript without dependencies, because it runs before any package is installed. Exit code
 * 1 if wigbert cannot run, 2 for wrong usage. A missing adapter is not a failure.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureBrowser } from './setup/browser.mjs';
import { ensureBuild } from './setup/build.mjs';
import { ensureAdapter } from './setup/driver.mjs';
import { ensureMpi } from './setup/mpi.mjs';
import { ensurePackages, isInstalled, satisfies } from './setup/packages.mjs';
import { ensureWeb } from './setup/web.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const OPTIONS = ['--build', '--web', '--no-driver', '--tests'];
const options = process.argv.slice(2);

/** @param {string[]} names */
const has = (...names) => names.some((name) => options.includes(name));

/** @param {string} line */
const say = (line) => console.error(`setup: ${line}`);

async function main() {
  const unknown = options.find((option) => !OPTIONS.includes(option));
  if (unknown) {
    say(
      `unknown option ${unknown}; expected ${OPTIONS.slice(0, -1).join(', ')} or ${OPTIONS.at(-1)}`,
    );
    return 2;
  }
  const { node: range } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).engines;
  if (!satisfies(process.versions.node, range)) {
    say(`this is Node ${process.versions.node}, but wigbert needs ${range}; install a newer Node`);
    return 1;
  }
  if (!ensurePackages(root, say)) return 1;
  // The build runs while the driver installs.
  const isBuilt = has('--build', '--web', '--tests') ? ensureBuild(root, say) : true;
  if (!has('--no-driver')) prepareAdapter();
  if (has('--tests')) {
    ensureBrowser(say);
    ensureMpi(say);
  }
  if (!(await isBuilt)) return 1;
  return has('--web', '--tests') && !ensureWeb(root, say) ? 1 : 0;
}

function prepareAdapter() {
  if (isInstalled(root, 'webgpu')) ensureAdapter(root, say);
  else
    say(
      'no WebGPU without the package webgpu: run npm install webgpu. The wasm device will be used.',
    );
}

process.exitCode = await main();
