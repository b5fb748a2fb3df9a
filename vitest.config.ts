import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import packageJson from './package.json' with { type: 'json' };
import { ensureWasm } from './scripts/setup/wasm.mjs';

// The wasm device needs its modules, which git ignores.
await ensureWasm(fileURLToPath(new URL('.', import.meta.url)), console.error);

/** The entries of the package, by name, are files of src here: no test depends on an old build. */
const entries = Object.entries(packageJson.exports).flatMap(([name, target]) => {
  if (typeof target === 'string') return [];
  const source = target.default.replace('./dist/', './').replace(/\.js$/, '.ts');
  const replacement = fileURLToPath(new URL(source, import.meta.url));
  return [{ find: new RegExp(`^${name.replace('.', 'wigbert')}$`), replacement }];
});

/** What package.json's `imports` choose, as Node takes it. */
const platform = {
  find: '#platform',
  replacement: fileURLToPath(new URL('src/platform/node.ts', import.meta.url)),
};

export default defineConfig({
  resolve: { alias: [...entries, platform] },
  test: {
    include: ['test/**/*.test.ts'],
    // What is built runs as it is shipped, loaded by Node alone.
    server: { deps: { external: [/\/dist\/src\//] } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // A software adapter takes every core: more workers only fight over them.
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './scripts/summary-reporter.mjs'],
  },
});
