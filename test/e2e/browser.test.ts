import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser } from '../support/browser.ts';
import { work } from '../support/page.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'wigbert-browser-'));
const browser = findBrowser();

/** A bundle as users make it: their code, and the parts of the package that it uses. */
async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    // The package as it is published: built, and with its `sideEffects`.
    resolve: {
      alias: [{ find: /^.*\/src\/((?:entries\/)?\w+)\.ts$/, replacement: at('dist/src/$1.js') }],
    },
    build: {
      write: false,
      lib: { entry: at('test/support/page.ts'), formats: ['es'] },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  const [{ output }] = built as { output: { code: string }[] }[];
  expect(output).toHaveLength(1);
  return output[0].code;
}

/** Serves the bundle to a headless browser, which sends back its results on a device. */
async function inBrowser(code: string, device: 'webgpu' | 'wasm'): Promise<unknown> {
  const page = `<!doctype html><script type="module">
    import { work } from './page.js';
    const result = await work('${device}').catch((error) => ({ error: String(error.stack) }));
    fetch('/result', { method: 'POST', body: JSON.stringify(result) });
  </script>`;
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const result = new Promise((resolve) => {
    server.on('request', async (request, response) => {
      response.setHeader(
        'content-type',
        request.url === '/page.js' ? 'text/javascript' : 'text/html',
      );
      // Only isolated pages have threads.
      response.setHeader('cross-origin-opener-policy', 'same-origin');
      response.setHeader('cross-origin-embedder-policy', 'require-corp');
      response.end(request.url === '/page.js' ? code : page);
      if (request.method === 'POST')
        resolve(JSON.parse(Buffer.concat(await request.toArray()).toString()));
    });
  });
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    '--enable-features=Vulkan',
    '--ignore-gpu-blocklist',
  ];
  const running = spawn(
    browser!,
    [...flags, `--user-data-dir=${join(folder, 'profile')}`, `http://127.0.0.1:${port}/`],
    {
      stdio: 'ignore',
      detached: true,
    },
  );
  const ended = once(running, 'exit');
  try {
    return await Promise.race([
      result,
      ended.then(([status]) => Promise.reject(new Error(`${browser} ended with ${status}`))),
    ]);
  } finally {
    // Kill the whole process group: child processes write into the profile.
    if (running.exitCode === null) process.kill(-running.pid!, 'SIGKILL');
    await ended;
    server.closeAllConnections();
    server.close();
  }
}

describe('a bundle for browsers', () => {
  let code: string;
  let expected: Record<string, unknown>;
  beforeAll(async () => {
    code = await bundle();
    expected = await work('cpu');
  });
  afterAll(() => rmSync(folder, { recursive: true, maxRetries: 10 }));

  const near = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(near) : expect.closeTo(value as number, 4);

  it('computes the same in Node', async () => {
    const path = join(folder, 'page.mjs');
    writeFileSync(path, code);
    const { work: bundled } = (await import(path)) as { work: typeof work };
    expect(await bundled('cpu')).toEqual(expected);
  });

  it.skipIf(!browser).each(['webgpu', 'wasm'] as const)(
    'computes the same on %s in a browser (needs Chromium)',
    async (device) => {
      const { gradient, losses, score } = expected;
      expect(await inBrowser(code, device)).toEqual({
        gradient: near(gradient),
        losses: near(losses),
        score: near(score),
      });
    },
  );
});
