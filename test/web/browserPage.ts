import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Browser, type ElementHandle, type Page } from 'puppeteer-core';
import { type Connect, preview } from 'vite';
import { ensureWeb } from '../../scripts/setup/web.mjs';
import { findBrowser } from '../support/browser.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const configFile = join(root, 'web/vite.config.ts');

export const chromium = findBrowser();

/** The built page, served to a browser. */
export interface Served {
  url: string;
  /** A folder for the test's own files. */
  folder: string;
  /** Of files that the browser saves. */
  downloads: string;
  /** What a page asked of others, refused, or threw. */
  troubles: string[];
  /** Runs before a path is answered; if it throws, that is answered with 404. */
  before?: (path: string) => Promise<void>;
  open(query?: string): Promise<Page>;
  close(): Promise<void>;
}

/** Builds the page, and opens a browser for it. */
export async function servePage(flags: readonly string[] = []): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'wigbert-page-'));
  if (!ensureWeb(root, console.error)) throw new Error('the page does not build');
  const meddle: Connect.NextHandleFunction = (request, response, next) => {
    const refuse = () => {
      response.statusCode = 404;
      response.end();
    };
    Promise.resolve(served.before?.(request.url!)).then(() => next(), refuse);
  };
  const server = await preview({
    ...{ configFile, logLevel: 'silent' },
    preview: { port: 0, host: '127.0.0.1' },
    plugins: [
      {
        name: 'meddle',
        configurePreviewServer: ({ middlewares }) => void middlewares.use(meddle),
      },
    ],
  });
  const { port } = server.httpServer.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  const browser = await puppeteer.launch({
    executablePath: chromium,
    args: ['--no-sandbox', ...flags],
  });
  await browser.defaultBrowserContext().overridePermissions(url, ['persistent-storage']);
  const downloads = join(folder, 'downloads');
  const troubles: string[] = [];
  const served: Served = {
    ...{ url, folder, downloads, troubles },
    open: (query = '') => openPage(browser, `${url}${query}`, downloads, troubles),
    async close() {
      await browser.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
  return served;
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
  page.on('dialog', (dialog) => dialog.accept());
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

/** A file of the first reviews, with columns of other names. */
export function reviews(folder: string, count: number): string {
  const lines = readFileSync(join(root, 'data/reviews-ko.tsv'), 'utf8')
    .split('\n')
    .slice(1, count + 1)
    .map((line) => line.split('\t').map((cell) => `"${cell.replaceAll('"', '""')}"`));
  const path = join(folder, `reviews-${count}.csv`);
  writeFileSync(path, ['what,verdict', ...lines.map((cells) => cells.join())].join('\n'));
  return path;
}

/** Waits until the page shows data of a name. */
export const waitForData = (page: Page, name: string) =>
  page.waitForFunction(
    (text) => document.querySelector('.summary')?.textContent?.includes(text),
    {},
    name,
  );

export async function giveFile(page: Page, path: string): Promise<void> {
  const input = (await page.waitForSelector(
    '.drop fieldset:not([disabled]) input:not([multiple])',
  )) as ElementHandle<HTMLInputElement>;
  await input.uploadFile(path);
  await waitForData(page, path.split('/').at(-1)!);
}

/** Starts training, or trains again, once the page is ready for it. */
export async function start(page: Page): Promise<void> {
  const button = await page.waitForSelector('.buttons button.primary:not([disabled])');
  await button!.evaluate((element) => (element as HTMLElement).click());
}

/** Goes to a view by its address. */
export async function goTo(page: Page, hash: '#train' | '#runs' | '#bench'): Promise<void> {
  await page.evaluate((value) => {
    location.hash = value;
  }, hash);
  await page.waitForSelector(`a[href="${hash}"][aria-current="page"]`);
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

/** A file of the page's private file system: its text, and its SHA-256. */
async function fileIn(page: Page, path: string): Promise<{ text: string; hash: string }> {
  return page.evaluate(async (parts) => {
    let dir = await navigator.storage.getDirectory();
    for (const part of parts.slice(0, -1)) dir = await dir.getDirectoryHandle(part);
    const file = await (await dir.getFileHandle(parts.at(-1)!)).getFile();
    const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
    return { text: await file.text(), hash: new Uint8Array(digest).join() };
  }, path.split('/'));
}

export const textOf = async (page: Page, path: string): Promise<string> =>
  (await fileIn(page, path)).text;

export const hashOf = async (page: Page, path: string): Promise<string> =>
  (await fileIn(page, path)).hash;

/** The sorted names in a folder of the page's private file system; none if it is missing. */
export const namesIn = (page: Page, path: string): Promise<string[]> =>
  page.evaluate(async (parts) => {
    let dir: FileSystemDirectoryHandle | undefined = await navigator.storage.getDirectory();
    for (const part of parts)
      dir = await dir?.getDirectoryHandle(part).catch((): undefined => undefined);
    const names: string[] = [];
    for await (const [name] of (dir ?? []) as unknown as AsyncIterable<[string]>) names.push(name);
    return names.sort();
  }, path.split('/'));
