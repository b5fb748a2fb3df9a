import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { repositoryFile } from '../support/cli.ts';
import {
  chromium,
  clickButton,
  fill,
  giveFile,
  goTo,
  namesIn,
  reviews,
  type Served,
  servePage,
  start,
  waitForData,
  waitForStatus,
} from './browserPage.ts';

const alertOf = (page: Page) => page.$eval('main > [role=alert]', (each) => each.textContent);

/** A base model's folder, with a checkpoint and a note of its owner in it. */
function modelIn(folder: string): string {
  const dir = join(folder, 'my-bert');
  mkdirSync(join(dir, 'checkpoint-5'), { recursive: true });
  const from = (name: string) => repositoryFile(`models/bert-tiny-ko/${name}`);
  for (const name of ['config.json', 'vocab.txt', 'tokenizer_config.json', 'model.safetensors'])
    copyFileSync(from(name), join(dir, name));
  copyFileSync(from('config.json'), join(dir, 'checkpoint-5/config.json'));
  writeFileSync(join(dir, 'checkpoint-5/model.safetensors'), '');
  writeFileSync(join(dir, 'added_tokens.json'), '{}');
  writeFileSync(join(dir, 'notes.json'), '{}');
  return dir;
}

/** Drops files or folders of the disk on the page. */
async function drop(page: Page, files: string[]): Promise<void> {
  const area = (await page.waitForSelector('.drop'))!;
  await area.scrollIntoView();
  const { x, y } = await area.clickablePoint();
  const session = await page.createCDPSession();
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x, y, data });
  await session.detach();
}

/** Trains one epoch, as another run than `before` ones. */
async function train(page: Page): Promise<void> {
  await fill(page, 'Epochs', '1');
  await fill(page, 'Longest text, in tokens', '16');
  await start(page);
  await page.waitForFunction(() => !/^Done/.test(document.querySelector('.status')!.textContent!));
  expect(await waitForStatus(page, /^(Done|It failed)/)).toMatch(/^Done/);
}

/** Milliseconds of the processor that each task of the page's main thread took meanwhile. */
async function tasksOf(page: Page, seconds: number): Promise<number[]> {
  await page.tracing.start({ categories: ['toplevel', 'disabled-by-default-devtools.timeline'] });
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  const bytes = (await page.tracing.stop())!;
  interface Event {
    [key: string]: unknown;
    pid: number;
    tid: number;
    name: string;
    tdur?: number;
    args: { name?: string; data?: { frames?: { url: string; processId: number }[] } };
  }
  const { traceEvents } = JSON.parse(new TextDecoder().decode(bytes));
  const events: Event[] = traceEvents;
  const frames = events.flatMap(({ args }) => args?.data?.frames ?? []);
  const pid = frames.find(({ url }) => url === page.url())!.processId;
  const thread = events.find((each) => each.pid === pid && each.args.name === 'CrRendererMain')!;
  return events
    .filter((each) => each.pid === pid && each.tid === thread.tid && each.tdur !== undefined)
    .map(({ tdur }) => tdur! / 1000);
}

describe.skipIf(!chromium)('the page when things go wrong (needs Chromium)', () => {
  let served: Served;
  let page: Page;
  beforeAll(async () => {
    served = await servePage();
  });
  afterEach(() => {
    served.before = undefined;
  });
  afterAll(() => served?.close());

  it('says that its engine does not start', async () => {
    served.before = async (path) => {
      if (path.includes('worker')) throw path;
    };
    const dead = await served.open();
    await dead.waitForSelector('main > [role=alert]');
    expect(await alertOf(dead)).toBe('the engine does not start');
    await dead.close();
  });

  it('says what cannot be read, and goes on with what is given', async () => {
    served.before = async (path) => {
      if (path.endsWith('reviews-ko.tsv')) throw path;
    };
    page = await served.open('?device=wasm');
    await page.waitForSelector('main > [role=alert]');
    expect(await alertOf(page)).toMatch(/reviews-ko\.tsv: 404/);
    await page.waitForSelector('.data[aria-busy=false]');
    await giveFile(page, reviews(served.folder, 40));
    await page.waitForSelector('button.primary:not([disabled])');
  });

  it('shows the settings that it takes', async () => {
    await fill(page, 'Epochs', '4');
    const shown = () => page.$eval('input[max="100"]', (each) => (each as HTMLInputElement).value);
    for (const value of ['0', '', '1.5', '-2']) {
      await fill(page, 'Epochs', value);
      expect(await shown()).toBe('4');
    }
    await fill(page, 'Epochs', '1');
  });

  it('shows what was asked for last, although another answer comes later', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    served.before = async (path) => {
      if (path.endsWith('reviews-ko.tsv')) await answered;
    };
    await clickButton(page, 'Use the sample reviews');
    await giveFile(page, reviews(served.folder, 64));
    const engine = page.workers()[0];
    const sent = engine.evaluate(
      () =>
        new Promise<void>((resolve) => {
          const { postMessage } = self;
          self.postMessage = (...args: unknown[]) => {
            resolve();
            return Reflect.apply(postMessage, self, args);
          };
        }),
    );
    answer();
    await sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await page.$eval('.summary', (each) => each.textContent)).toContain('reviews-64.csv');
  });

  it('takes of a dropped folder the model on top, with all files of a model', async () => {
    await drop(page, [modelIn(served.folder)]);
    await page.waitForFunction(() => /my-bert/.test(document.querySelector('.base')!.textContent!));
    expect(await namesIn(page, 'models/1')).toEqual([
      ...['added_tokens.json', 'config.json', 'model.safetensors'],
      ...['tokenizer_config.json', 'vocab.txt'],
    ]);
  });

  it('deletes data and a base model with the last run that has them', async () => {
    await train(page);
    await train(page);
    await clickButton(page, 'Use the sample reviews');
    await waitForData(page, 'reviews-ko.tsv');
    await clickButton(page, 'Use the shipped one');
    await page.waitForFunction(() =>
      /bert-tiny-ko/.test(document.querySelector('.base')!.textContent!),
    );
    await goTo(page, '#runs');
    for (const [left, models] of [
      [1, ['1', 'bert-tiny-ko']],
      [0, ['bert-tiny-ko']],
    ] as const) {
      await page.$eval('.runs .row-buttons button:last-child', (each) =>
        (each as HTMLElement).click(),
      );
      await page.waitForFunction(
        (count) => document.querySelectorAll('.runs tbody tr').length === count,
        {},
        left,
      );
      expect(await namesIn(page, 'models')).toEqual(models);
      expect(await namesIn(page, 'sets')).toEqual(left ? ['1', '2', 'sample'] : ['1', 'sample']);
      expect(await namesIn(page, 'runs')).toHaveLength(left);
    }
  });

  it('stays quick while it trains, and another tab cannot delete the run', async () => {
    const other = await served.open('?device=wasm');
    await fill(other, 'Epochs', '100');
    await start(other);
    await waitForStatus(other, /^Training/);
    const tasks = await tasksOf(other, 3);
    expect(tasks.length).toBeGreaterThan(0);
    expect(Math.max(...tasks)).toBeLessThan(50);

    await page.bringToFront();
    await goTo(page, '#train');
    await page.reload();
    await waitForStatus(page, /^It failed/);
    await goTo(page, '#runs');
    await clickButton(page, 'Delete');
    await page.waitForSelector('main > [role=alert]');
    expect(await alertOf(page)).toMatch(/another tab/);
    await other.bringToFront();
    await clickButton(other, 'Stop');
    expect(await waitForStatus(other, /^(Stopped|Done|It failed)/)).toMatch(/^Stopped/);
    await other.close();
    await page.bringToFront();
    await clickButton(page, 'Delete');
    await page.waitForFunction(() => !document.querySelector('.runs'));
  });

  it('keeps what it measures when one leaves the view', async () => {
    await goTo(page, '#bench');
    await clickButton(page, 'Measure');
    await page.waitForSelector('.bench tbody tr');
    await goTo(page, '#train');
    expect(await page.$('button.primary[disabled]')).not.toBeNull();
    await goTo(page, '#bench');
    expect(await page.$('.bench tbody tr')).not.toBeNull();
    expect(await page.$('button.primary[disabled]')).not.toBeNull();
  });
});
