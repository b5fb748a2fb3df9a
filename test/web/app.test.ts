import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { unzipSync } from 'fflate';
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pipeline } from '../../src/entries/train.ts';
import { useDevice } from '../../src/index.ts';
import { FilePage } from '../support/filePage.ts';
import {
  chromium,
  clickButton,
  fill,
  giveFile,
  goTo,
  hashOf,
  reviews,
  type Served,
  servePage,
  start,
  textOf,
  waitForStatus,
} from './browserPage.ts';

/** Chooses few steps, and trains to the end. */
async function train(page: Page, epochs: number): Promise<string> {
  await fill(page, 'Epochs', String(epochs));
  await fill(page, 'Learning rate', '0.001');
  await fill(page, 'Longest text, in tokens', '24');
  await start(page);
  return waitForStatus(page, /^(Done|It failed)/);
}

const accuracyOf = (status: string) => Number(/accuracy ([\d.]+) %/.exec(status)![1]) / 100;

/** Violations of accessibility in a theme. */
async function violations(page: Page, scheme: 'light' | 'dark'): Promise<string[]> {
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: typeof axe }).axe;
    const { violations: found } = await run.run();
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}

describe.skipIf(!chromium)('the page on wasm (needs Chromium)', () => {
  let served: Served;
  let page: Page;
  beforeAll(async () => {
    served = await servePage();
    page = await served.open('?device=wasm');
  });
  afterAll(() => served?.close());

  it('guesses the columns of a file, trains, and beats chance', async () => {
    await giveFile(page, reviews(served.folder, 240));
    const chosen = await page.$$eval('.fields select', (all) => all.map(({ value }) => value));
    expect(chosen.slice(0, 4)).toEqual(['what', '', 'verdict', 'classification']);
    const status = await train(page, 3);
    expect(status).toMatch(/^Done/);
    expect(accuracyOf(status)).toBeGreaterThan(0.6);
    // The browser was asked, with success, not to throw away what is kept.
    expect(await page.evaluate(() => navigator.storage.persisted())).toBe(true);
  });

  it('goes on after a reload in the middle, and ends with the same bits', async () => {
    await clickButton(page, 'Train again');
    await page.waitForFunction(() => {
      const step = Number.parseInt(document.querySelector('.figures dd')!.textContent!, 10);
      return step >= 7 && step < 12;
    });
    await page.reload();
    await waitForStatus(page, /^Going on from step [1-9]/);
    expect(await waitForStatus(page, /^(Done|It failed)/)).toMatch(/^Done/);
    const files = ['model.safetensors', 'history.json'];
    for (const file of files)
      expect(await hashOf(page, `runs/2/model/${file}`)).toBe(
        await hashOf(page, `runs/1/model/${file}`),
      );
  });

  const text = '연기가 정말 훌륭했어요';
  let scores: Record<string, number>;
  it('says what it makes of a text, the same as Node with the folder it gives away', async () => {
    await fill(page, 'Text', text);
    const meter = 'meter[aria-label="positive"]';
    await page.waitForFunction(
      (selector) => {
        const all = document.querySelectorAll<HTMLMeterElement>(`.try ${selector}`);
        return all.length === 1 && all[0].value > 0;
      },
      {},
      meter,
    );
    await page.waitForNetworkIdle({ idleTime: 300 });
    const shown = await page.$eval(`.try ${meter}`, (each) => (each as HTMLMeterElement).value);
    await clickButton(page, 'Save: Model folder');
    const zip = join(served.downloads, 'wigbert-2.zip');
    await expect.poll(() => existsSync(zip), { timeout: 20_000 }).toBe(true);
    const dir = join(served.folder, 'model');
    mkdirSync(dir);
    for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zip))))
      writeFileSync(join(dir, name.split('/').at(-1)!), bytes);
    await useDevice('wasm');
    const classifier = await pipeline('text-classification', dir);
    [{ scores }] = await classifier.predict([text], { maxLength: 24 });
    expect(shown).toBeCloseTo(scores.positive, 5);
    expect(readFileSync(join(dir, 'report.html'), 'utf8')).toContain('validation accuracy');
  });

  it('gives away one HTML file that says the same without a server', async () => {
    await clickButton(page, 'Save: One HTML file');
    const html = join(served.downloads, 'wigbert-2.html');
    await expect.poll(() => existsSync(html), { timeout: 20_000 }).toBe(true);
    const file = await FilePage.open(page.browser(), html);
    const told = Object.fromEntries(await file.ask(text));
    expect(Object.keys(told).sort()).toEqual(Object.keys(scores).sort());
    expect(told.positive).toBeCloseTo(scores.positive, 5);
    expect(await file.page.title()).toBe('reviews-240.csv');
    expect(file.errors).toEqual([]);
    await file.page.close();
  });

  it('goes on training with a corrected label', async () => {
    const wrong = '.texts tbody tr:first-child .label-input button[aria-pressed="false"]';
    await (await page.waitForSelector(wrong))!.evaluate((each) => (each as HTMLElement).click());
    await page.waitForFunction(() =>
      /1 answer/.test(document.querySelector('.learn')!.textContent!),
    );
    // The first write fails: the answer stays, and no folder.
    await page.workers()[0].evaluate(() => {
      const { prototype } = FileSystemFileHandle;
      const { createWritable } = prototype;
      prototype.createWritable = async () => {
        prototype.createWritable = createWritable;
        throw new DOMException('there is no room', 'QuotaExceededError');
      };
    });
    await clickButton(page, 'Learn from the answers');
    const alert = await page.waitForSelector('main > [role=alert]');
    expect(await alert!.evaluate((each) => each.textContent)).toMatch(/there is no room/);
    expect(served.troubles.splice(0)).toEqual(['QuotaExceededError: there is no room']);
    await page.waitForFunction(() =>
      /1 answer/.test(document.querySelector('.learn')?.textContent ?? ''),
    );
    await clickButton(page, 'Learn from the answers');
    await page.waitForFunction(() => !document.querySelector('.learn'));
    expect(await waitForStatus(page, /^(Done|It failed)/)).toMatch(/^Done/);
    // The classifier of the run before is kept: a new one begins near ln 2.
    const { steps } = JSON.parse(await textOf(page, 'runs/3/model/history.json'));
    expect(steps[0].loss).toBeLessThan(0.5);
  });

  it('goes to the content by the skip link, and stays in its view', async () => {
    for (const hash of ['#runs', '#bench'] as const) {
      await goTo(page, hash);
      await page.focus('.skip');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.id === 'main');
      expect(await page.$(`a[href="${hash}"][aria-current="page"]`)).not.toBeNull();
      expect(await page.evaluate(() => location.hash)).toBe(hash);
    }
  });

  it('is accessible in both themes, in each view', async () => {
    for (const view of ['#train', '#runs', '#bench'] as const) {
      await goTo(page, view);
      for (const scheme of ['light', 'dark'] as const)
        expect(await violations(page, scheme)).toEqual([]);
    }
  });

  it('asks nothing of other hosts, and breaks no rule of its policy', () => {
    expect(served.troubles).toEqual([]);
  });
});

describe.skipIf(!chromium)('the page on WebGPU (needs Chromium)', () => {
  let served: Served;
  let page: Page;
  beforeAll(async () => {
    served = await servePage(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']);
    page = await served.open('?device=webgpu');
  });
  afterAll(() => served?.close());

  it('trains, says on which adapter, and stops', async () => {
    await giveFile(page, reviews(served.folder, 64));
    // Many more steps than there will be until it stops.
    await fill(page, 'Epochs', '100');
    // Small ones: the adapter may be software.
    await fill(page, 'Texts in a step', '4');
    await fill(page, 'Longest text, in tokens', '16');
    await start(page);
    await page.waitForFunction(
      () =>
        Number.parseInt(document.querySelector('.figures dd')!.textContent!, 10) >= 1 ||
        /^It failed/.test(document.querySelector('.status')!.textContent!),
    );
    expect(await waitForStatus(page, /./)).not.toMatch(/failed/);
    await clickButton(page, 'Stop');
    expect(await waitForStatus(page, /^(Stopped|Done|It failed)/)).toMatch(/^Stopped/);
    expect(await page.$eval('.step:nth-of-type(2)', (each) => each.textContent)).toMatch(
      /WebGPU: .*(SwiftShader|swiftshader|google)/,
    );
    expect(served.troubles).toEqual([]);
    // A software adapter on a busy machine compiles for a minute and more.
  }, 240_000);
});
