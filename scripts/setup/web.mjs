/** Builds dist/web, the page and the template of a page of one file, if a source is newer. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The first empties the folder. */
const BUILDS = [
  { config: 'web/vite.config.ts', output: 'dist/web/index.html' },
  { config: 'web/file/vite.config.ts', output: 'dist/web/file-template.html' },
];
const SOURCES = ['src', 'web', 'models', 'data', 'package.json', 'package-lock.json'];

/**
 * The newest modification time below a path; 0 if there is nothing.
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (stat.isFile()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/**
 * Builds the page if it is not up to date.
 * @param {string} root
 * @param {(line: string) => void} say
 * @returns {boolean} false if it does not build
 */
export function ensureWeb(root, say) {
  const changed = Math.max(...SOURCES.map((path) => newest(join(root, path))));
  if (BUILDS.every(({ output }) => newest(join(root, output)) >= changed)) return true;
  say('building the page (vite) …');
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  return BUILDS.every(({ config }) => {
    const args = [vite, 'build', '--config', config, '--logLevel', 'warn'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: root,
      encoding: 'utf8',
    });
    if (status !== 0) say(`${config} does not build:\n${`${stdout}${stderr}`.trim()}`);
    return status === 0;
  });
}
