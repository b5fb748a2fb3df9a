/**
 * Makes dist smaller before it is packed: npm runs it before `npm pack` and `npm publish`, and with
 * `--undo` after them.
 *
 * - Comments leave the JavaScript; the declarations keep those of what is exported.
 * - Declarations that no entry of the package reaches are removed.
 * - Packages that are mostly declarations or tools are not installed beside this one: the one
 *   module that is used of each is copied into `dist/vendor`, with its licence.
 *
 * Running it twice changes nothing more. `--undo` puts the whole dist back, which is kept beside.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The module and the licence of each package that is copied; none of these imports another. */
export const VENDORED = {
  pbf: { module: 'index.js', licence: 'LICENSE' },
  valibot: { module: 'dist/index.mjs', licence: 'LICENSE.md' },
};

/** Comments that bundlers obey. */
const DIRECTIVE = /\/\* (?:webpackIgnore|turbopackIgnore|@vite-ignore)/;

const FROM = /(from\s*|import\(\s*|import\s*)(["'])([^"'\n]+)\2/g;

/**
 * JavaScript without comments, importing the copies of packages.
 * @param {string} text
 * @param {string} path of its file, inside dist
 * @param {(name: string) => void} [found] is told of each copied package that is imported
 */
export function packedModule(text, path, found = () => {}) {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    removeComments: true,
  };
  const bare = DIRECTIVE.test(text)
    ? text
    : ts.transpileModule(text, { compilerOptions }).outputText;
  return bare.replace(FROM, (whole, keyword, quote, target) => {
    if (!Object.hasOwn(VENDORED, target)) return whole;
    found(target);
    const copy = relative(dirname(path), join('vendor', `${target}.js`))
      .split(sep)
      .join('/');
    return `${keyword}${quote}${copy}${quote}`;
  });
}

/**
 * The declarations that an entry reaches, itself included.
 * @param {string} path
 * @param {Set<string>} [found]
 */
export function reachedDeclarations(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, , , target] of readFileSync(path, 'utf8').matchAll(FROM))
    if (target.startsWith('.'))
      reachedDeclarations(join(dirname(path), target.replace(/\.[jt]s$/, '.d.ts')), found);
  return found;
}

/**
 * The folders of `dist` that packing changes, and where the whole one is kept meanwhile.
 * @param {string} root
 */
function foldersOf(root) {
  const dist = join(root, 'dist');
  return {
    dist,
    source: join(dist, 'src'),
    vendor: join(dist, 'vendor'),
    whole: join(dist, 'unpacked'),
  };
}

/**
 * Puts back what `prepack` changed, with its times, so that no build follows.
 * @param {string} root
 */
export function undoPrepack(root) {
  const { source, vendor, whole } = foldersOf(root);
  if (!existsSync(whole)) return;
  rmSync(source, { recursive: true, force: true });
  rmSync(vendor, { recursive: true, force: true });
  renameSync(whole, source);
}

/**
 * Prepares `dist` of a package.
 * @param {string} root
 */
export function prepack(root) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { dist, source, vendor, whole } = foldersOf(root);
  if (!existsSync(whole)) cpSync(source, whole, { recursive: true, preserveTimestamps: true });
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(source, name),
  );
  /** @type {Set<string>} */
  const reached = new Set();
  for (const target of Object.values(exports))
    if (target.types) reachedDeclarations(join(root, target.types), reached);
  for (const path of files) if (path.endsWith('.d.ts') && !reached.has(path)) rmSync(path);
  for (const path of files) {
    if (!path.endsWith('.js')) continue;
    const packed = packedModule(readFileSync(path, 'utf8'), relative(dist, path), (name) => {
      const { module, licence } = VENDORED[name];
      const from = join(root, 'node_modules', name);
      mkdirSync(vendor, { recursive: true });
      copyFileSync(join(from, module), join(vendor, `${name}.js`));
      copyFileSync(join(from, licence), join(vendor, `${name}.LICENSE`));
    });
    writeFileSync(path, packed);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const run = process.argv[2] === '--undo' ? undoPrepack : prepack;
  run(fileURLToPath(new URL('..', import.meta.url)));
}
