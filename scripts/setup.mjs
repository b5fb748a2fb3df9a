/**
 * Makes a fresh machine ready: Node's version, the packages, a WebGPU adapter; with --build also dist.
 * Quick and silent when there is nothing to do. Plain JavaScript without dependencies, as it runs before there
 * are any packages. Exit code 1 if wigbert cannot run, 2 for wrong usage; a missing adapter is no failure.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureBuild } from './setup/build.mjs';
import { ensureAdapter } from './setup/driver.mjs';
import { ensurePackages, satisfies } from './setup/packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = process.argv.slice(2);

/** @param {string} line */
const say = (line) => console.error(`setup: ${line}`);

async function main() {
  const unknown = options.find((option) => option !== '--build');
  if (unknown) {
    say(`unknown option ${unknown}; the only one is --build`);
    return 2;
  }
  const { node: range } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).engines;
  if (!satisfies(process.versions.node, range)) {
    say(`this is Node ${process.versions.node}, but wigbert needs ${range}; install a newer Node`);
    return 1;
  }
  if (!ensurePackages(root, say)) return 1;
  // While the driver installs, the build has a core of its own.
  const isBuilt = options.includes('--build') ? ensureBuild(root, say) : true;
  ensureAdapter(root, say);
  return (await isBuilt) ? 0 : 1;
}

process.exitCode = await main();
