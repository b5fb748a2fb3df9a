/**
 * Checks sizes: lines per file, columns per line, and entries in the folders that tend to fill up.
 * Biome checks the size of functions (biome.json). Part of `npm run lint`.
 * Exit code 1 if something exceeds its limit.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const MOST_LINES = 300;
const MOST_COLUMNS = 100;

/** How many files and folders may lie directly in a folder. */
const MOST_ENTRIES = { 'src/train': 9, 'src/bert': 11, 'src/kernels': 18 };

const FOLDERS = ['src', 'assembly', 'test', 'scripts', 'bin', 'bench/peers', 'web'];
/** Compiled code, which nobody reads. */
const COMPILED = ['src/device/wasm/modules.js'];
const CODE = /\.(tsx?|mjs|js|py)$/;

/**
 * @param {string} path
 * @param {string} text
 * @returns {string[]} one line per problem
 */
export function checkFile(path, text) {
  const lines = text.replace(/\n$/, '').split('\n');
  const problems = lines.flatMap((line, i) => {
    const columns = Array.from(line).length;
    if (columns <= MOST_COLUMNS) return [];
    return [`${path}:${i + 1} has ${columns} columns: break the line at ${MOST_COLUMNS}`];
  });
  if (lines.length > MOST_LINES)
    problems.push(`${path}:1 has ${lines.length} lines: split it by topic, ${MOST_LINES} at most`);
  return problems;
}

/**
 * @param {string} path
 * @param {number} entries
 * @param {number} most
 * @returns {string[]} one line per problem
 */
export function checkEntries(path, entries, most) {
  if (entries <= most) return [];
  return [`${path} has ${entries} entries: group related files in folders, ${most} at most`];
}

/**
 * @param {string} root
 * @returns {string[]} one line per problem
 */
export function checkLimits(root) {
  const entriesOf = Object.entries(MOST_ENTRIES).filter(([path]) => existsSync(join(root, path)));
  return [
    ...FOLDERS.filter((folder) => existsSync(join(root, folder)))
      .flatMap((folder) => codeFiles(root, folder))
      .flatMap((path) => checkFile(path, readFileSync(join(root, path), 'utf8'))),
    ...entriesOf.flatMap(([path, most]) =>
      checkEntries(path, readdirSync(join(root, path)).length, most),
    ),
  ];
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]} paths from root; those of installed packages are left out
 */
function codeFiles(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return codeFiles(root, path);
      return CODE.test(path) && !COMPILED.includes(path) ? [path] : [];
    });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const problems = checkLimits(process.argv[2] ?? '.');
  for (const problem of problems) console.error(problem);
  if (problems.length) process.exitCode = 1;
}
