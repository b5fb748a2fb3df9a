/**
 * Checks how the files of src import each other: an import only points down, draws no circle and
 * stays inside src, and only some floors use Node's own modules. Part of `npm run lint`.
 * Exit code 1 if something is wrong.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';

/** From the ground up; `entries` are those of the package, `index` is the file src/index.ts. */
export const FLOORS = [
  'platform',
  'formats',
  'text',
  'device',
  'kernels',
  'measure',
  'tensor',
  'nn',
  'bert',
  'train',
  'study',
  'bench',
  'entries',
  'index',
  'cli',
];
const MAY_USE_NODE = ['platform', 'cli'];

/** What package.json's `imports` choose among; only `platform` imports it by that name. */
const PLATFORM = '#platform';
const PLATFORM_FILES = ['platform/browser.ts', 'platform/node.ts'];

/** Files outside src that may be imported, as seen from src. */
const OUTSIDE = ['../package.json'];

/**
 * One import: its line and the module that it names.
 * @typedef {{ line: number, target: string }} Import
 * @typedef {import('typescript').Node} Node
 */

/**
 * All imports of a TypeScript text: static, re-exporting, dynamic, and in types.
 * @param {string} text
 * @returns {Import[]}
 */
export function importsOf(text) {
  const file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest);
  /** @type {Import[]} */
  const found = [];
  /** @type {(node: Node, target: Node | undefined) => void} */
  const add = (node, target) => {
    if (!target || !ts.isStringLiteralLike(target)) return;
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
    found.push({ line: line + 1, target: target.text });
  };
  /** @param {Node} node */
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
      add(node, node.moduleSpecifier);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0]);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node, node.argument.literal);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** @param {string} path of a file inside src, such as 'tensor/ops/add.ts' */
const floorOf = (path) => (path === 'index.ts' ? 'index' : path.split('/')[0]);

/**
 * What is wrong with one import.
 * @param {string} path
 * @param {Import} found
 * @returns {string | undefined}
 */
function problemOf(path, { target }) {
  const floor = floorOf(path);
  if (isBuiltin(target)) {
    if (MAY_USE_NODE.includes(floor)) return undefined;
    return `imports ${target}, which browsers lack: move the code that needs it to src/platform`;
  }
  if (target === PLATFORM && floor !== 'platform')
    return `imports ${target}: import the file of src/platform that passes it on`;
  if (!target.startsWith('.')) return undefined;
  const resolved = posix.join(posix.dirname(path), target);
  if (resolved.startsWith('../')) {
    if (OUTSIDE.includes(resolved)) return undefined;
    return `imports from outside src (${target}): move that file into src`;
  }
  const targetFloor = floorOf(resolved);
  if (FLOORS.indexOf(targetFloor) <= FLOORS.indexOf(floor)) return undefined;
  const advice = `move the shared code to src/${floor} or below, or pass it as an argument`;
  return `imports up from src/${targetFloor} (${target}): ${advice}`;
}

/**
 * The circles in which files import each other, each once, as paths from its first file back to it.
 * @param {Map<string, string[]>} graph what each file imports
 * @returns {string[][]}
 */
export function circles(graph) {
  /** @type {string[][]} */
  const found = [];
  const done = new Set();
  /** @type {string[]} */
  const trail = [];
  /** @param {string} path */
  const walk = (path) => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push([...trail.slice(at), path]);
    if (at >= 0 || done.has(path)) return;
    trail.push(path);
    for (const next of graph.get(path) ?? []) walk(next);
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) walk(path);
  return found;
}

/**
 * The files of src that an import names.
 * @param {string} path
 * @param {string} target
 * @returns {string[]}
 */
function filesOf(path, target) {
  if (target === PLATFORM) return PLATFORM_FILES;
  return target.startsWith('.') ? [posix.join(posix.dirname(path), target)] : [];
}

/**
 * @param {Map<string, string>} files text by path inside src
 * @returns {string[]} one line per problem
 */
export function checkFloors(files) {
  /** @type {string[]} */
  const problems = [];
  /** @type {Map<string, string[]>} */
  const graph = new Map();
  /** @type {Map<string, number>} */
  const lines = new Map();
  for (const [path, text] of files) {
    if (!FLOORS.includes(floorOf(path))) {
      const advice = 'move it to one, or add its folder to FLOORS in scripts/floors.mjs';
      problems.push(`src/${path}:1 is on no floor: ${advice}`);
      continue;
    }
    const imports = importsOf(text);
    for (const found of imports) {
      const problem = problemOf(path, found);
      if (problem) problems.push(`src/${path}:${found.line} ${problem}`);
    }
    const edges = imports.flatMap(({ target, line }) =>
      filesOf(path, target).map((file) => ({ file, line })),
    );
    graph.set(
      path,
      edges.map(({ file }) => file),
    );
    for (const { file, line } of edges) lines.set(`${path} ${file}`, line);
  }
  for (const circle of circles(graph)) {
    const line = lines.get(`${circle[0]} ${circle[1]}`);
    const advice = 'move the shared code to a file of its own';
    problems.push(
      `src/${circle[0]}:${line} imports in a circle (${circle.join(' → ')}): ${advice}`,
    );
  }
  return problems;
}

/**
 * @param {string} src
 * @returns {Map<string, string>} text by path inside src
 */
export function readSources(src) {
  const paths = readdirSync(src, { recursive: true, encoding: 'utf8' }).map((path) =>
    path.replaceAll('\\', '/'),
  );
  const sources = paths.filter((path) => path.endsWith('.ts')).sort();
  return new Map(sources.map((path) => [path, readFileSync(join(src, path), 'utf8')]));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const src = process.argv[2] ?? 'src';
  const problems = existsSync(src) ? checkFloors(readSources(src)) : [`there is no folder $src`];
  for (const problem of problems) console.error(problem);
  if (problems.length) process.exitCode = 1;
}
