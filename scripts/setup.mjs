/**
 * Prepares a fresh machine: checks Node's version, installs the packages and looks for a WebGPU
 * adapter; with --build it also builds dist, with --mpi it looks for Open MPI. It is quick and silent if there is nothing to do.
 * Plain JavaScript without dependencies, because it runs before any package is installed. Exit code
 * 1 if wigbert cannot run, 2 for wrong usage. A missing adapter is not a failure.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureBuild } from './setup/build.mjs';
import { ensureAdapter } from './setup/driver.mjs';
import { ensureMpi } from './setup/mpi.mjs';
import { ensurePackages, isInstalled, satisfies } from './setup/packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = process.argv.slice(2);

/** @param {string} line */
const say = (line) => console.error(`setup: ${line}`);

async function main() {
  const unknown = options.find((option) => !['--build', '--mpi'].includes(option));
  if (unknown) {
    say(`unknown option ${unknown}; expected --build or --mpi`);
    return 2;
  }
  const { node: range } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).engines;
  if (!satisfies(process.versions.node, range)) {
    say(`this is Node ${process.versions.node}, but wigbert needs ${range}; install a newer Node`);
    return 1;
  }
  if (!ensurePackages(root, say)) return 1;
  // The build runs while the driver installs.
  const isBuilt = options.includes('--build') ? ensureBuild(root, say) : true;
  if (isInstalled(root, 'webgpu')) ensureAdapter(root, say);
  else
    say(
      'no WebGPU without the package webgpu: run npm install webgpu. The wasm device will be used.',
    );
  if (options.includes('--mpi')) ensureMpi(say);
  return (await isBuilt) ? 0 : 1;
}

process.exitCode = await main();
