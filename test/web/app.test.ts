import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { unzipSync } from 'fflate';
import type { ElementHandle, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pipeline } from '../../src/entries/train.ts';
import { useDevice } from '../../src/index.ts';
import {
  chromium,
  clickButton,
  fill,
  hashOf,
  type Served,
  servePage,
  textOf,
  waitForStatus,
} from './browserPage.ts';

const folder = mkdtempSync(join(tmpdir(), 'wigbert-app-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file of the first reviews, with columns of other names. */
function reviews(count: number): string {
  const lines = readFileSync(new URL('../../data/reviews-ko.tsv', import.meta.url), 'utf8')
    .split('\n')
    .slice(1, count + 1)
    .map((line) => line.split('\t').map((cell) => `"${cell.replaceAll('"', '""')}"`));
  const path = join(folder, `reviews-${count}.csv`);
  writeFileSync(path, ['what,verdict', ...lines.map((cells) => cells.join())].join('\n'));
  return path;
}

const giveFile = async (page: Page, path: string) => {
  const input = (await page.waitForSelector(
    '.drop fieldset:not([disabled]) input:not([multiple])',
  )) as ElementHandle<HTMLInputElement>;
  await input.uploadFile(path);
  await page.waitForFunction(
    (name) => document.querySelector('.summary')?.textContent?.includes(name),
    {},
    path.split('/').at(-1)!,
  );
};

/** Chooses few steps, and trains to the end. */
async function train(page: Page, epochs: number): Promise<string> {
  await fill(page, 'Epochs', String(epochs));
  await fill(page, 'Learning rate', '0.001');
  await page.waitForSelector('button.primary:not([disabled])');
  await clickButton(page, 'Start training');
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
    await giveFile(page, reviews(240));
    const chosen = await page.$$eval('.fields select', (all) => all.map(({ value }) => value));
    expect(chosen.slice(0, 4)).toEqual(['what', '', 'verdict', 'classification']);
    const status = await train(page, 3);
    expect(status).toMatch(/^Done/);
    expect(accuracyOf(status)).toBeGreaterThan(0.6);
  });

  it('goes on after a reload in the middle, and ends with the same bits', async () => {
    await clickButton(page, 'Train again');
    await page.waitForFunction(() => {
      const step = Number.parseInt(document.querySelector('.figures dd')!.textContent!, 10);
      return step >= 5 && step < 15;
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

  it('says what it makes of a text, the same as Node with the folder it gives away', async () => {
    const text = '연기가 정말 훌륭했어요';
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
    const dir = join(folder, 'model');
    mkdirSync(dir);
    for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zip))))
      writeFileSync(join(dir, name.split('/').at(-1)!), bytes);
    await useDevice('wasm');
    const classifier = await pipeline('text-classification', dir);
    const [{ scores }] = await classifier.predict([text], { maxLength: 48 });
    expect(shown).toBeCloseTo(scores.positive, 5);
    expect(readFileSync(join(dir, 'report.html'), 'utf8')).toContain('validation accuracy');
  });

  it('goes on training with a corrected label', async () => {
    const wrong = '.texts tbody tr:first-child .label-input button[aria-pressed="false"]';
    await (await page.waitForSelector(wrong))!.evaluate((each) => (each as HTMLElement).click());
    await page.waitForFunction(() =>
      /1 answer/.test(document.querySelector('.learn')!.textContent!),
    );
    await clickButton(page, 'Learn from the answers');
    await page.waitForFunction(() => !document.querySelector('.learn'));
    expect(await waitForStatus(page, /^(Done|It failed)/)).toMatch(/^Done/);
    // The classifier of the run before is kept: a new one begins near ln 2.
    const { steps } = JSON.parse(await textOf(page, 'runs/3/model/history.json'));
    expect(steps[0].loss).toBeLessThan(0.5);
  });

  it('goes to the content by the skip link, and stays in its view', async () => {
    for (const hash of ['#runs', '#bench']) {
      await page.evaluate((value) => {
        location.hash = value;
      }, hash);
      await page.waitForSelector(`a[href="${hash}"][aria-current="page"]`);
      await page.focus('.skip');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.id === 'main');
      expect(await page.$(`a[href="${hash}"][aria-current="page"]`)).not.toBeNull();
      expect(await page.evaluate(() => location.hash)).toBe(hash);
    }
  });

  it('is accessible in both themes, in each view', async () => {
    for (const view of ['', '#runs', '#bench']) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, view);
      await page.waitForSelector(view ? '.wide' : '.step');
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
    await giveFile(page, reviews(64));
    await page.waitForSelector('button.primary:not([disabled])');
    await clickButton(page, 'Start training');
    await page.waitForFunction(
      () =>
        Number.parseInt(document.querySelector('.figures dd')!.textContent!, 10) >= 1 ||
        /^It failed/.test(document.querySelector('.status')!.textContent!),
    );
    expect(await waitForStatus(page, /./)).not.toMatch(/failed/);
    await clickButton(page, 'Stop');
    expect(await waitForStatus(page, /^(Stopped|Done|It failed)/)).toMatch(/^(Stopped|Done)/);
    expect(await page.$eval('.step:nth-of-type(2)', (each) => each.textContent)).toMatch(
      /WebGPU: .*(SwiftShader|swiftshader|google)/,
    );
    expect(served.troubles).toEqual([]);
  });
});
