import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll } from 'vitest';
import type { TextInput } from '../../src/train/pipelines/encode.ts';
import { type BrowserName, findBrowser } from './browser.ts';

/** A label, tag or token that a page shows, and its probability; a score has no label, ''. */
export type Shown = [label: string, score: number];

/** A page from the disk, in a browser without a network. */
export class FilePage {
  readonly page: Page;
  /** Addresses that the page asked for. */
  readonly requests: string[] = [];
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  static async open(browser: Browser, path: string): Promise<FilePage> {
    const page = await browser.newPage();
    const opened = new FilePage(page);
    await page.goto(pathToFileURL(path).href);
    await page.waitForSelector('#text, [role=alert]');
    return opened;
  }

  /** Types a text, or a pair, and gives what the page then shows. */
  async ask(input: TextInput): Promise<Shown[]> {
    return (await this.askAll([input]))[0];
  }

  /** `ask` for one text after the other. */
  async askAll(inputs: readonly TextInput[]): Promise<Shown[][]> {
    return this.page.evaluate(
      async (inputs) => {
        const type = (id: string, text: string) => {
          const area = document.getElementById(id) as HTMLTextAreaElement;
          area.value = text;
          area.dispatchEvent(new Event('input', { bubbles: true }));
        };
        const turn = () => new Promise((resolve) => setTimeout(resolve));
        const answer = document.querySelector('.answer')!;
        const isBusy = () => answer.getAttribute('aria-busy') !== 'false';
        const answered = () =>
          new Promise<void>((resolve) => {
            const observer = new MutationObserver(() => {
              if (isBusy()) return;
              observer.disconnect();
              resolve();
            });
            observer.observe(answer, { attributes: true });
          });
        const all: Shown[][] = [];
        for (const [text, second] of inputs) {
          if (second !== undefined && !document.getElementById('second')) {
            document.querySelector<HTMLInputElement>('input[type=checkbox]')!.click();
            await turn();
          }
          type('text', text);
          if (second !== undefined) type('second', second);
          await turn();
          if (isBusy()) await answered();
          const shown = Array.from(answer.querySelectorAll<HTMLElement>('[data-score]'));
          all.push(shown.map(({ dataset }) => [dataset.label ?? '', Number(dataset.score)]));
        }
        return all;
      },
      inputs.map((input) => (typeof input === 'string' ? [input] : [...input])),
    );
  }

  /** Presses the button with a text. */
  async press(text: string): Promise<void> {
    await this.page.evaluate((text) => {
      const buttons = Array.from(document.querySelectorAll('button'));
      buttons.find(({ textContent }) => textContent === text)!.click();
    }, text);
  }

  /** Waits until the page says something that fits. */
  async says(pattern: RegExp): Promise<string> {
    const found = await this.page.waitForFunction(
      (source) => {
        const text = document.querySelector('main > [role=status]')!.textContent!;
        return new RegExp(source).test(text) && text;
      },
      {},
      pattern.source,
    );
    return found.jsonValue() as Promise<string>;
  }
}

/** A temporary folder, and browsers that are started when they are asked for. */
export function pageFixture() {
  const dir = mkdtempSync(join(tmpdir(), 'wigbert-page-'));
  const started = new Map<BrowserName, Promise<Browser>>();
  const browser = (name: BrowserName): Promise<Browser> => {
    const running =
      started.get(name) ??
      puppeteer.launch({
        browser: name,
        executablePath: findBrowser(name),
        args: name === 'chrome' ? ['--no-sandbox'] : [],
        // Puppeteer's own profile of Firefox; the language is that of the page.
        env: { ...process.env, LANG: 'en_US.UTF-8' },
      });
    started.set(name, running);
    return running;
  };
  afterAll(async () => {
    for (const each of started.values()) await (await each).close();
    rmSync(dir, { recursive: true, maxRetries: 5 });
  });
  return {
    dir,
    open: async (name: BrowserName, path: string) => FilePage.open(await browser(name), path),
    file(name: string, text: string): string {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    },
    /** Where a page's downloads go, and the path of the first once it is whole. */
    async downloads({ page }: FilePage) {
      const downloadPath = join(dir, 'downloads');
      const session = await page.createCDPSession();
      await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath });
      return async () => {
        for (;;) {
          const names = existsSync(downloadPath) ? readdirSync(downloadPath) : [];
          const done = names.find((name) => name.endsWith('.html'));
          if (done) return join(downloadPath, done);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      };
    },
  };
}
