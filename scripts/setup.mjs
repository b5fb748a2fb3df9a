/**
 * Prepares a fresh machine: checks Node's version, installs the packages and looks for a WebGPU
 * adapter; with --build it also builds dist, with --web the page too, and with --browser it looks for
 * a browser for the tests. It is quick and silent if there is nothing to do.
 * Plain JavaScript without dependencies, because it runs before any package is installed. Exit code
 * 1 if wigbert cannot run, 2 for wrong usage. A missing adapter is not a failure.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureBrowser } from './setup/browser.mjs';
import { ensureBuild } from './setup/build.mjs';
import { ensureAdapter } from './setup/driver.mjs';
import { ensurePackages, isInstalled, satisfies } from './setup/packages.mjs';
import { ensureWeb } from './setup/web.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = process.argv.slice(2);

/** @param {string} line */
const say = (line) => console.error(`setup: ${line}`);

async function main() {
  const unknown = options.find((option) => !['--build', '--web', '--browser'].includes(option));
  if (unknown) {
    say(`unknown option ${unknown}; the only ones are --build, --web and --browser`);
    return 2;
  }
  const { node: range } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).engines;
  if (!satisfies(process.versions.node, range)) {
    say(`this is Node ${process.versions.node}, but wigbert needs ${range}; install a newer Node`);
    return 1;
  }
  if (!ensurePackages(root, say)) return 1;
  // The build runs while the driver installs.
  const isBuilt = options.length > 0 ? ensureBuild(root, say) : true;
  if (isInstalled(root, 'webgpu')) ensureAdapter(root, say);
  else
    say(
      'no WebGPU without the package webgpu: run npm install webgpu. The wasm device will be used.',
    );
  if (options.includes('--browser')) ensureBrowser(say);
  if (!(await isBuilt)) return 1;
  return options.includes('--web') && !ensureWeb(root, say) ? 1 : 0;
}

process.exitCode = await main();
