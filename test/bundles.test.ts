import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Row {
  code: string;
  kilobytes: number;
}

/** The rows of the table in docs/bundles.md. */
const rows: Row[] = [
  ...readFileSync(`${root}docs/bundles.md`, 'utf8').matchAll(
    /^\|[^|]*\| `([^`]+)` \| ([\d.]+) \|$/gm,
  ),
].map(([, code, kilobytes]) => ({ code, kilobytes: Number(kilobytes) }));

/** A page's script with this package as npm installs it, minified. */
async function bundle(code: string): Promise<{ code: string; modules: string[] }> {
  const entry = '\0page';
  const built = await build({
    root,
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === 'page' ? entry : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
    build: { write: false, minify: true, rolldownOptions: { input: 'page' } },
  });
  const { output } = built as unknown as { output: { code: string; modules: object }[] };
  return {
    code: output.map((chunk) => chunk.code).join('\n'),
    modules: output.flatMap(({ modules }) => Object.keys(modules ?? {})),
  };
}

describe('a bundle of a page', () => {
  it('has a row in the table for each part', () => {
    expect(rows.length).toBeGreaterThanOrEqual(5);
  });

  it.each(rows)('$code is $kilobytes KB', async ({ code, kilobytes }) => {
    const built = await bundle(code);
    const size = gzipSync(built.code, { level: 9 }).length / 1000;
    // Within 5 %, and rounding to a tenth.
    expect(Math.abs(size - kilobytes), `${size} KB`).toBeLessThan(0.05 * kilobytes + 0.1);
    expect(built.code).not.toMatch(/["'`]node:|createRequire|__vite-browser-external/);
    expect(built.modules.filter((path) => path.includes('/platform/node'))).toEqual([]);
  });

  it('saves models under the names of their classes, though minified', async () => {
    const { code } = await bundle(`import { useDevice } from 'wigbert';
      import { BertForSequenceClassification, BertForMaskedLM, bertConfig } from 'wigbert/bert';
      globalThis.result = (async () => {
        await useDevice('cpu');
        const sizes = { hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 1 };
        const config = bertConfig({ ...sizes, vocabSize: 8, intermediateSize: 8 });
        const classes = [BertForSequenceClassification, BertForMaskedLM];
        return Promise.all(classes.map((each) => each.fromConfig(config).files()));
      })();`);
    expect(code).not.toContain('class BertForMaskedLM');
    const dir = mkdtempSync(join(tmpdir(), 'wigbert-bundle-'));
    writeFileSync(join(dir, 'page.mjs'), code);
    await import(join(dir, 'page.mjs'));
    const folders = await (globalThis as { result?: Promise<Record<string, Uint8Array>[]> })
      .result!;
    rmSync(dir, { recursive: true });
    const names = folders.map((files) => {
      expect(Object.keys(files).sort()).toEqual(['config.json', 'model.safetensors']);
      return JSON.parse(new TextDecoder().decode(files['config.json'])).architectures;
    });
    expect(names).toEqual([['BertForSequenceClassification'], ['BertForMaskedLM']]);
  });

  it('that only tokenizes, and a bare import, are small', () => {
    const sizeOf = (part: string) => rows.find(({ code }) => code.includes(part))!.kilobytes;
    expect(sizeOf("'wigbert/tokenizers'")).toBeLessThan(40);
    expect(sizeOf("import 'wigbert'")).toBeLessThan(5);
  });
});
