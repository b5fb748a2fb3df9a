import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import packageJson from './package.json' with { type: 'json' };
import { ensureBuild } from './scripts/setup/build.mjs';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

if (!(await ensureBuild(at('.'), console.error))) throw new Error('the sources do not build');

/** Files that put something else in the place of a module of src: for them, src is not built. */
const MOCKING = [
  'test/cli/demonstration.test.ts',
  'test/device/wasm/wasmThreads.test.ts',
  'test/formats/hub.test.ts',
];

/** The entries of the package, by name, and what its `imports` choose, as Node takes it. */
const named = Object.entries({
  ...packageJson.exports,
  '#platform': { default: packageJson.imports['#platform'].node },
}).flatMap(([name, target]) =>
  typeof target === 'string'
    ? []
    : [{ find: new RegExp(`^${name.replace('.', 'wigbert')}$`), replacement: at(target.default) }],
);

/** Sources are what is built of them: it loads faster, and is what ships. */
const built = [{ find: /^(?:\.\.\/)+src\/(.+)\.ts$/, replacement: at('dist/src/$1.js') }, ...named];

const notBuilt = named.map(({ find, replacement }) => ({
  find,
  replacement: replacement.replace(/\bdist\/(src\/.+)\.js$/, '$1.ts'),
}));

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // A software adapter takes every core: more workers only fight over them, as do the threads of
    // the garbage collector.
    pool: 'forks',
    maxWorkers: 2,
    execArgv: ['--single-threaded-gc'],
    // Node alone loads what is built.
    server: { deps: { external: [/\/dist\/src\//] } },
    reporters: ['default', './scripts/summary-reporter.mjs'],
    projects: [
      {
        extends: true,
        resolve: { alias: built },
        test: { name: 'built', include: ['test/**/*.test.ts'], exclude: MOCKING },
      },
      { extends: true, resolve: { alias: notBuilt }, test: { name: 'sources', include: MOCKING } },
    ],
  },
});
