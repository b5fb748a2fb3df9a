import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { preview } from 'vite';
import { ensureWeb } from '../../scripts/setup/web.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const configFile = join(root, 'web/vite.config.ts');

/** Chromium, by `CHROME_PATH` or one of its usual names. */
export const chromium = ((): string | undefined => {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome'])
    try {
      return execFileSync('which', [name], { encoding: 'utf8', stdio: 'pipe' }).trim();
    } catch {}
  return undefined;
})();

/** The built page, served to a browser. */
export interface Served {
  url: string;
  /** Of files that the browser saves. */
  downloads: string;
  /** What a page asked of others, refused, or threw. */
  troubles: string[];
  open(query?: string): Promise<Page>;
  close(): Promise<void>;
}

/** Builds the page, and opens a browser for it. */
export async function servePage(flags: readonly string[] = []): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'wigbert-page-'));
  if (!ensureWeb(root, console.error)) throw new Error('the page does not build');
  const server = await preview({
    ...{ configFile, logLevel: 'silent' },
    preview: { port: 0, host: '127.0.0.1' },
  });
  const { port } = server.httpServer.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  const browser = await puppeteer.launch({
    executablePath: chromium,
    args: ['--no-sandbox', ...flags],
  });
  const downloads = join(folder, 'downloads');
  const troubles: string[] = [];
  return {
    ...{ url, downloads, troubles },
    open: (query = '') => openPage(browser, `${url}${query}`, downloads, troubles),
    async close() {
      await browser.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

async function openPage(
  browser: Browser,
  url: string,
  downloads: string,
  troubles: string[],
): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(110_000);
  await page.setViewport({ width: 1280, height: 900 });
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(message.text());
  });
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(new URL(url).origin))
      troubles.push(`a request to ${request.url()}`);
  });
  await page.evaluateOnNewDocument(() => localStorage.setItem('language', 'en'));
  const session = await page.createCDPSession();
  await session.send('Browser.setDownloadBehavior', {
    ...{ behavior: 'allow', downloadPath: downloads, eventsEnabled: true },
  });
  await page.goto(url);
  return page;
}

/** Waits for the text of the state of the training. */
export async function waitForStatus(page: Page, pattern: RegExp): Promise<string> {
  const handle = await page.waitForFunction(
    (source) => {
      const text = document.querySelector('.status')?.textContent ?? '';
      return new RegExp(source).test(text) && text;
    },
    { timeout: 110_000 },
    pattern.source,
  );
  return (await handle.jsonValue()) as string;
}

/** Clicks the button with a text. */
export const clickButton = async (page: Page, name: string): Promise<void> => {
  const selector = `::-p-xpath(//button[normalize-space()='${name}' or @aria-label='${name}'])`;
  const button = await page.waitForSelector(selector);
  await button!.evaluate((element) => (element as HTMLElement).click());
};

/** Sets a field by its label. */
export async function fill(page: Page, label: string, value: string): Promise<void> {
  await page.evaluate(
    (name, text) => {
      const inputs = Array.from(document.querySelectorAll('label.field :is(input, textarea)'));
      const input = inputs.find(
        ({ parentElement }) => parentElement!.querySelector('span')!.textContent === name,
      ) as HTMLInputElement;
      input.value = text;
      input.dispatchEvent(new Event('input', { bubbles: true }));
      input.dispatchEvent(new Event('change', { bubbles: true }));
    },
    label,
    value,
  );
}

/** The text of a file in the page's private file system. */
export const textOf = (page: Page, path: string): Promise<string> =>
  page.evaluate(async (parts) => {
    let dir = await navigator.storage.getDirectory();
    for (const part of parts.slice(0, -1)) dir = await dir.getDirectoryHandle(part);
    return (await (await dir.getFileHandle(parts.at(-1)!)).getFile()).text();
  }, path.split('/'));

/** SHA-256 of a file in the page's private file system. */
export const hashOf = (page: Page, path: string): Promise<string> =>
  page.evaluate(async (parts) => {
    let dir = await navigator.storage.getDirectory();
    for (const part of parts.slice(0, -1)) dir = await dir.getDirectoryHandle(part);
    const file = await (await dir.getFileHandle(parts.at(-1)!)).getFile();
    const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
    return new Uint8Array(digest).join();
  }, path.split('/'));
