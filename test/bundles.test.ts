import { readFileSync } from 'node:fs';
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
    expect(Math.abs(size - kilobytes)).toBeLessThan(0.05 * kilobytes + 0.1);
    expect(built.code).not.toMatch(/node:|createRequire|__vite-browser-external/);
    expect(built.modules.filter((path) => path.includes('/platform/node'))).toEqual([]);
  });

  it('that only tokenizes, and a bare import, are small', () => {
    const sizeOf = (part: string) => rows.find(({ code }) => code.includes(part))!.kilobytes;
    expect(sizeOf("'wigbert/tokenizers'")).toBeLessThan(40);
    expect(sizeOf("import 'wigbert'")).toBeLessThan(5);
  });
});
