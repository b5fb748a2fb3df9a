import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { packageSource } from './packageSource.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Files of the package that the page offers, at the same places. */
const MODEL = 'models/bert-tiny-ko';
const shipped = [
  ...readdirSync(`${root}${MODEL}`)
    .filter((name) => /\.(json|txt|safetensors)$/.test(name))
    .map((name) => `${MODEL}/${name}`),
  ...['data/reviews-ko.tsv', 'data/reviews-ko-test.tsv'],
];

const ship: Plugin = {
  name: 'ship',
  generateBundle() {
    for (const fileName of shipped)
      this.emitFile({ type: 'asset', fileName, source: readFileSync(`${root}${fileName}`) });
  },
};

/** With these headers a page may share memory among threads. */
const isolated = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** The page, made into `dist/web`; paths are relative, so that any folder of a host will do. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  resolve: { alias: packageSource },
  plugins: [ship],
  worker: { format: 'es' },
  preview: { headers: isolated },
  build: {
    outDir: `${root}dist/web`,
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
});
