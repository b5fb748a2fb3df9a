/** Checks Node's version and installs the npm packages. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

/**
 * @param {string} version of Node, such as '20.20.2'
 * @param {string} range package.json's engines: `^a.b` and `>=a.b`, joined by `||`
 */
export function satisfies(version, range) {
  const [major, minor] = version.split('.').map(Number);
  return range.split('||').some((alternative) => {
    const [, sign, from, at = '0'] = /^\s*(\^|>=)(\d+)(?:\.(\d+))?/.exec(alternative) ?? [];
    if (major === Number(from)) return minor >= Number(at);
    return sign === '>=' && major > Number(from);
  });
}

/**
 * Whether the installed packages are those of the lock file. Optional packages may be missing: most
 * are binaries for other platforms.
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} Locked
 * @param {{ packages: Record<string, Locked> }} lock package-lock.json
 * @param {{ packages: Record<string, Locked> }} installed node_modules/.package-lock.json
 * @param {(path: string) => boolean} exists
 */
export function packagesMatch(lock, installed, exists) {
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '' || wanted.link) return true;
    const found = installed.packages[path];
    if (!found || !exists(path)) return wanted.optional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

/**
 * Whether a package is found from a folder, its own or one above.
 * @param {string} root
 * @param {string} name
 */
export const isInstalled = (root, name) =>
  (createRequire(join(root, 'package.json')).resolve.paths(name) ?? []).some((folder) =>
    existsSync(join(folder, name, 'package.json')),
  );

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/**
 * Installs the locked packages if they are missing.
 * @param {string} root
 * @param {(line: string) => void} say
 * @returns {boolean} false if they could not be installed
 */
export function ensurePackages(root, say) {
  const lockPath = join(root, 'package-lock.json');
  // Without a lock file this is an installed package: its project installs the dependencies.
  if (!existsSync(lockPath)) return true;
  const installedPath = join(root, 'node_modules', '.package-lock.json');
  const exists = /** @param {string} path */ (path) => existsSync(join(root, path));
  if (
    existsSync(installedPath) &&
    packagesMatch(readJson(lockPath), readJson(installedPath), exists)
  )
    return true;

  say('installing the packages (npm ci) …');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  // Prefer the npm that runs this script: there may be none on the path.
  const npm = process.env.npm_execpath;
  const own = npm !== undefined && basename(npm) === 'npm-cli.js';
  const result = own
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, encoding: 'utf8' })
    : spawnSync('npm', args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  if (result.status === 0) return true;
  const output = result.error ? result.error.message : `${result.stdout}${result.stderr}`.trim();
  say(`npm ci failed; the packages are not installed:\n${output}`);
  return false;
}
