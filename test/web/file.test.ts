import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  BertForMaskedLM,
  BertForSequenceClassification,
  BertForTokenClassification,
  type BertPreTrainedModel,
  bertConfig,
} from '../../src/entries/bert.ts';
import { BertTokenizer } from '../../src/entries/tokenizers.ts';
import {
  assemblePage,
  encodeExamples,
  FillMaskPipeline,
  fit,
  TextClassificationPipeline,
  type TextInput,
  TokenClassificationPipeline,
} from '../../src/entries/train.ts';
import { useDevice } from '../../src/index.ts';
import { findBrowser } from '../support/browser.ts';
import { repositoryFile, wigbertHere } from '../support/cli.ts';
import { type FilePage, pageFixture, type Shown } from '../support/filePage.ts';

const { dir, open, file, downloads } = pageFixture();
const template = readFileSync(repositoryFile('dist/web/file-template.html'), 'utf8');
const rowsOf = (name: string) =>
  readFileSync(repositoryFile(`data/${name}`), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'));
const reviews = rowsOf('reviews-test.tsv')
  .slice(0, 41)
  .map(([text]) => text);

let tokenizer: BertTokenizer;
const configOf = (labels: readonly string[], more = {}) =>
  bertConfig({
    vocabSize: tokenizer.length,
    hiddenSize: 32,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    intermediateSize: 64,
    maxPositionEmbeddings: 64,
    initializerRange: 0.05,
    id2label: Object.fromEntries(labels.entries()),
    ...more,
  });
const model = join(dir, 'model');
const page = join(dir, 'reviews.html');

/** The labels of reviews, and all probabilities, as Node gives them. */
const predictions = new Map<string, Shown[]>();

beforeAll(async () => {
  await useDevice('wasm');
  tokenizer = await BertTokenizer.fromPretrained(repositoryFile('data'));
  const labels = ['negative', 'positive'];
  const bert = BertForSequenceClassification.fromConfig(configOf(labels));
  const train = rowsOf('reviews.tsv').slice(0, 512);
  const examples = train.map(([text, label]) => ({ text, label: labels.indexOf(label) }));
  const options = { epochs: 4, learningRate: 5e-3, batchSize: 32 };
  await fit(bert, encodeExamples(examples, tokenizer, 64), [], options);
  await bert.savePretrained(model, tokenizer.files());
  const classify = new TextClassificationPipeline(bert, tokenizer);
  for (const [i, { scores }] of (await classify.predict(reviews)).entries())
    predictions.set(reviews[i], sorted(Object.entries(scores)));
  const args = ['export', 'page', '--model', model, '--out', page];
  const { status, stderr } = await wigbertHere(args);
  expect([status, stderr]).toEqual([0, '']);
});

const sorted = (shown: Shown[]): Shown[] => shown.toSorted(([, a], [, b]) => b - a);

/** The same labels in the same order, and probabilities within 1e-5. */
function expectSame(shown: readonly Shown[], wanted: readonly Shown[]): void {
  expect(shown.map(([label]) => label)).toEqual(wanted.map(([label]) => label));
  for (const [i, [, score]] of shown.entries())
    expect(Math.abs(score - wanted[i][1])).toBeLessThan(1e-5);
}

/** A page with a model. */
const pageOf = async (model: BertPreTrainedModel) =>
  file('other.html', await assemblePage(template, await model.files(tokenizer.files())));

/** Nothing was asked of the network, and nothing went wrong. */
function expectQuiet({ requests, errors }: FilePage): void {
  expect(errors).toEqual([]);
  expect(requests.filter((url) => !/^(file|blob|data):/.test(url))).toEqual([]);
}

describe.each(['chrome', 'firefox'] as const)('a page of one file in %s', (name) => {
  it.skipIf(!findBrowser(name))('gives the numbers of Node from the disk', async () => {
    const opened = await open(name, page);
    for (const [i, shown] of (await opened.askAll(reviews)).entries())
      expectSame(shown, predictions.get(reviews[i])!);
    expectQuiet(opened);
    await opened.page.close();
  });
});

describe.skipIf(!findBrowser('chrome'))('a page of one file', () => {
  it('learns what it is told, saves itself and goes on from there', async () => {
    const first = await open('chrome', page);
    const saved = await downloads(first);
    const [review] = reviews;
    const [[label, before]] = await first.ask(review);
    const right = label === 'positive' ? 'negative' : 'positive';
    await first.press(right);
    await first.says(/^Learned in \d+ steps?, .* 1 of 1 /);
    const after = await first.ask(review);
    expect(after[0][0]).toBe(right);
    expect(before).not.toBe(after[0][1]);
    // Others keep their labels, but for those that were hardly told apart.
    const others = reviews.slice(1);
    const kept = (await first.askAll(others)).filter(
      ([[best]], i) => best === predictions.get(others[i])![0][0],
    ).length;
    expect(kept).toBeGreaterThan(30);
    await first.press('Save as a new file');
    await first.says(/^The new file holds/);
    const path = await saved();
    expectQuiet(first);

    const second = await open('chrome', path);
    expectSame(await second.ask(review), after);
    const list = await second.page.$eval('details', ({ textContent }) => textContent);
    expect(list).toContain(review);
    expect(list).toContain(right);
    expectQuiet(second);
    // Saved as often as one likes, the page is the same template with another model.
    const bare = (path: string) =>
      readFileSync(path, 'utf8')
        .replaceAll(/<script type="text\/plain"[^<]*<\/script>/g, '')
        .replace(/<html[^>]*>/, '');
    expect(bare(path) === bare(page)).toBe(true);
    await Promise.all([first.page.close(), second.page.close()]);
  });

  const labels = ['a', 'b', 'c'];
  it('has no violations of accessibility, light and dark, in both languages', async () => {
    const opened = await open('chrome', page);
    await opened.ask(reviews[0]);
    await opened.press('negative');
    await opened.press('positive');
    await opened.says(/^(Learned|Noted)/);
    await opened.page.evaluate(axe.source);
    for (const language of ['English', '한국어'])
      for (const value of ['light', 'dark']) {
        await opened.press(language);
        await opened.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
        const { violations } = await opened.page.evaluate(async () => {
          for (const each of Array.from(document.querySelectorAll('details'))) each.open = true;
          return (globalThis as never as { axe: typeof axe }).axe.run();
        });
        expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      }
    await opened.page.close();
  });

  it('works by the keyboard', async () => {
    const opened = await open('chrome', page);
    await opened.page.focus('#text');
    await opened.page.keyboard.type('a fine film');
    await opened.page.waitForSelector('fieldset:not(:disabled)');
    const focused = () => opened.page.evaluate(() => document.activeElement!.textContent);
    while ((await focused()) !== 'positive') await opened.page.keyboard.press('Tab');
    await opened.page.keyboard.press('Enter');
    await opened.says(/^(Learned|Noted)/);
    await opened.page.close();
  });

  it('tags words, and fills masks, as Node does', async () => {
    const tags = ['O', 'B-PER'];
    const tagger = BertForTokenClassification.fromConfig(configOf(tags));
    const [words] = await new TokenClassificationPipeline(tagger, tokenizer).predict([reviews[0]]);
    const tagging = await open('chrome', await pageOf(tagger));
    const wanted = words.map(({ entity, score }): Shown => [entity, score]);
    expectSame(await tagging.ask(reviews[0]), wanted);

    const masked = BertForMaskedLM.fromConfig(configOf(tags));
    const text = 'a [MASK] film';
    const [tokens] = await new FillMaskPipeline(masked, tokenizer).predict([text]);
    const filling = await open('chrome', await pageOf(masked));
    expect(await filling.ask('no word is missing')).toEqual([]);
    expectSame(
      await filling.ask(text),
      tokens.map(({ tokenStr, score }): Shown => [tokenStr, score]),
    );
    for (const opened of [tagging, filling]) expectQuiet(opened);
  });

  const pairs: TextInput[] = [
    ['a film', 'a good one'],
    ['the same', 'the same'],
    ['x', 'y z'],
  ];
  it.each([
    ['classes of pairs', 'single_label_classification', labels, pairs],
    ['several labels', 'multi_label_classification', labels, reviews.slice(0, 3)],
    ['a score', 'regression', ['score'], reviews.slice(0, 3)],
  ] as const)('answers with %s as Node does', async (name, problemType, names, texts) => {
    const bert = BertForSequenceClassification.fromConfig(configOf(names, { problemType }));
    const opened = await open('chrome', await pageOf(bert));
    const classify = new TextClassificationPipeline(bert, tokenizer);
    for (const [i, { score, scores }] of (await classify.predict(texts)).entries())
      expectSame(
        await opened.ask(texts[i]),
        name === 'a score' ? [['', score]] : sorted(Object.entries(scores)),
      );
    expectQuiet(opened);
    await opened.page.close();
  });
});
