/** Builds the template of a page of one file: dist/web/file-template.html. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, defineConfig, type InlineConfig, type Plugin } from 'vite';
import { fileElement } from '../../src/train/recipes/pageFile.ts';
import { packageSource } from '../packageSource.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** One classic script without imports, which a page from a disk cannot have. */
const script = (name: string): InlineConfig['build'] => ({
  target: ['chrome114', 'firefox114', 'safari17'],
  minify: true,
  lib: { entry: at(name), formats: ['iife'], name: 'page', fileName: 'page' },
  rolldownOptions: { output: { codeSplitting: false } },
});

/** The engine, which the page starts as a worker. */
async function buildEngine(): Promise<Uint8Array> {
  const built = await build({
    root: at('.'),
    configFile: false,
    logLevel: 'warn',
    resolve: { alias: packageSource },
    build: { ...script('worker.ts'), write: false },
  });
  const [{ output }] = built as unknown as { output: { code: string }[] }[];
  return new TextEncoder().encode(output[0].code);
}

const hash = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** No request can leave the page: `default-src` and with it `connect-src` are none. */
const policyOf = (code: string, style: string): string =>
  [
    "default-src 'none'",
    `script-src ${hash(code)} 'wasm-unsafe-eval'`,
    'worker-src blob:',
    `style-src ${hash(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

/** Puts script, style and engine into the template. */
const oneFile: Plugin = {
  name: 'one-file',
  enforce: 'post',
  async generateBundle(_, bundle) {
    const parts = Object.values(bundle);
    const code = parts
      .flatMap((part) => (part.type === 'chunk' ? [part.code.trim()] : []))
      .join('');
    const style = parts
      .flatMap((part) => (part.type === 'asset' ? [String(part.source).trim()] : []))
      .join('');
    if (/<\/script|<!--/i.test(code)) throw new Error('the script holds text that would end it');
    const values: Record<string, string> = {
      policy: policyOf(code, style),
      style: `<style>${style}</style>`,
      script: `<script>${code}</script>`,
      engine: await fileElement('engine.js', await buildEngine()),
    };
    for (const name of Object.keys(bundle)) delete bundle[name];
    const source = readFileSync(at('template.html'), 'utf8').replace(
      /%([a-z]+)%/g,
      (_whole, name: string) => values[name],
    );
    this.emitFile({ type: 'asset', fileName: 'file-template.html', source });
  },
};

export default defineConfig({
  root: at('.'),
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [oneFile],
  build: {
    ...script('main.tsx'),
    outDir: at('../../dist/web'),
    emptyOutDir: false,
    cssCodeSplit: false,
  },
});
