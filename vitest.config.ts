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

/** Files with a process of their own: what they define or measure would be seen by others, ... */
const DEFINING = [
  'test/device/webgpu/webgpuDevice.test.ts',
  'test/examples/customKernel.test.ts',
  'test/kernels/kernels.test.ts',
  'test/kernels/types.test.ts',
  'test/measure/bestDevice.test.ts',
  'test/tensor/kernelTools.test.ts',
];
/** ... or use up memory, and have it collected often, which is slow beside what others left. */
const FILLING = [
  'test/device/cpu.test.ts',
  'test/device/wasm/memoryLimit.test.ts',
  'test/tensor/memory.test.ts',
  'test/train/recipes/memory.test.ts',
];
const ALONE = [...DEFINING, ...FILLING];

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
    // A software adapter takes every core: the threads of the garbage collector only fight over
    // them. One worker more than two cores need, since some tests wait for browsers and programs.
    pool: 'forks',
    maxWorkers: 3,
    execArgv: ['--single-threaded-gc'],
    // Node alone loads what is built.
    server: { deps: { external: [/\/dist\/src\//] } },
    reporters: ['default', './scripts/summary-reporter.mjs'],
    projects: [
      {
        extends: true,
        resolve: { alias: built },
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: [...ALONE, ...MOCKING],
          // The engine is loaded once for all of them: that takes longer than most of them do.
          isolate: false,
          setupFiles: ['test/support/freshEngine.ts'],
        },
      },
      {
        extends: true,
        resolve: { alias: built },
        test: { name: 'alone', include: ALONE, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        resolve: { alias: notBuilt },
        test: { name: 'sources', include: MOCKING, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
