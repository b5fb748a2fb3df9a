import { readFileSync } from 'node:fs';
import type { CDPSession, Page, Protocol } from 'puppeteer-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { repositoryFile } from '../support/cli.ts';
import { endpoint, hub, sha } from '../support/hub.ts';
import {
  chromium,
  clickButton,
  fill,
  giveFile,
  namesIn,
  reviews,
  type Served,
  servePage,
  start,
  waitForStatus,
} from './browserPage.ts';

const HUB = 'https://huggingface.co';
/** Where the hub redirects those who ask for weights. */
const STORE = 'https://us.aws.cdn.hf.co';

const names = ['config.json', 'vocab.txt', 'tokenizer_config.json', 'model.safetensors'];
const tiny: Record<string, Buffer> = {
  ...Object.fromEntries(
    names.map((name) => [name, readFileSync(repositoryFile(`models/bert-tiny-ko/${name}`))]),
  ),
  '1_Pooling/config.json': Buffer.from('{}'),
};

/** How the stand-in for the hub answers. */
interface Answers {
  offline: boolean;
  /** Weights are sent once this is resolved. */
  weights: Promise<void>;
  /** Changes a list of files. */
  listed: (json: string) => string;
}
let answers: Answers;
/** Of the requests that left the page. */
let asked: string[] = [];

type Paused = Protocol.Fetch.RequestPausedEvent;
type Fulfilled = Protocol.Fetch.FulfillRequestRequest;

/** What the hub answers: of the stand-in server, and as pages of other origins may read it. */
async function answerOf({ requestId, request }: Paused): Promise<Fulfilled> {
  const { pathname, search, origin } = new URL(request.url);
  const headers: Record<string, string> = {
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'X-Error-Code,ETag,Link,Content-Range,X-Linked-Size',
  };
  const reply = (responseCode: number, body = Buffer.alloc(0)): Fulfilled => ({
    ...{ requestId, responseCode, body: body.toString('base64') },
    responseHeaders: Object.entries(headers).map(([name, value]) => ({ name, value })),
  });
  const { Range: range } = request.headers;
  if (pathname.endsWith('.safetensors') && !range) {
    if (origin === HUB) {
      headers.location = `${STORE}${pathname}`;
      return reply(302);
    }
    await answers.weights;
  }
  const response = await fetch(`${endpoint}${pathname}${search}`, {
    headers: range ? { range } : {},
  });
  for (const name of ['content-type', 'content-range', 'etag', 'link']) {
    const value = response.headers.get(name);
    if (value) headers[name] = value.replace(endpoint, HUB);
  }
  let body = Buffer.from(await response.arrayBuffer());
  if (pathname.includes('/tree/')) body = Buffer.from(answers.listed(body.toString()));
  return reply(response.status, body);
}

/** Answers for all other hosts. */
async function standIn(page: Page): Promise<CDPSession> {
  const session = await page.createCDPSession();
  session.on('Fetch.requestPaused', async (paused) => {
    const { requestId, request } = paused;
    asked.push(request.url);
    const fail = () =>
      session.send('Fetch.failRequest', { requestId, errorReason: 'InternetDisconnected' });
    const answer = answers.offline ? undefined : await answerOf(paused).catch(() => undefined);
    // The page may have ended the request.
    await (answer ? session.send('Fetch.fulfillRequest', answer) : fail()).catch(() => {});
  });
  await session.send('Fetch.enable', { patterns: [{ urlPattern: 'https://*' }] });
  return session;
}

const baseOf = (page: Page) => page.$eval('.base > p', (each) => each.textContent);

async function ask(page: Page, name: string): Promise<void> {
  await fill(page, 'Name on the Hugging Face hub', name);
  await clickButton(page, 'Fetch');
}

const waitForBase = (page: Page, text: string) =>
  page.waitForFunction(
    (start) => document.querySelector('.base > p')?.textContent?.startsWith(start),
    {},
    text,
  );

async function refusal(page: Page): Promise<string> {
  const shown = await page.waitForSelector('.hub [role=alert]');
  return (await shown!.evaluate((each) => each.textContent))!;
}

const snapshot = `models/models--org--tiny/snapshots/${sha}`;

describe.skipIf(!chromium)('a model by its name on the hub (needs Chromium)', () => {
  let served: Served;
  let page: Page;
  let session: CDPSession;
  beforeAll(async () => {
    served = await servePage();
    page = await served.open('?device=wasm');
    session = await standIn(page);
    await giveFile(page, reviews(served.folder, 40));
  });
  beforeEach(() => {
    answers = { offline: false, weights: Promise.resolve(), listed: (json) => json };
    asked = [];
    hub.repositories = { 'org/tiny': tiny };
  });
  afterAll(() => served?.close());

  it.each<[string, string, () => void, RegExp]>([
    ['is no name', 'a b', () => {}, /^“a b” is not a name on the hub/],
    ['is unknown', 'org/nothing', () => {}, /^The hub has no public model org\/nothing/],
    [
      'is of no BERT',
      'org/tiny',
      () => {
        const config = JSON.parse(tiny['config.json'].toString());
        const json = JSON.stringify({ ...config, model_type: 'roberta' });
        hub.repositories['org/tiny'] = { ...tiny, 'config.json': Buffer.from(json) };
      },
      /^org\/tiny is not a BERT model/,
    ],
    [
      'is of a pickle',
      'org/tiny',
      () => {
        const { 'model.safetensors': weights, ...rest } = tiny;
        hub.repositories['org/tiny'] = { ...rest, 'pytorch_model.bin': weights };
      },
      /^org\/tiny has no weights as safetensors/,
    ],
    [
      'is of too large a model',
      'org/tiny',
      () => {
        const { length } = tiny['model.safetensors'];
        answers.listed = (json) => json.replaceAll(`"size":${length}`, '"size":3000000000');
      },
      /^org\/tiny is too large for a browser/,
    ],
    [
      'is asked for without a network',
      'org/tiny',
      () => {
        answers.offline = true;
      },
      /^org\/tiny cannot be fetched: check the network/,
    ],
    [
      'is of a model that comes damaged',
      'org/tiny',
      () => {
        hub.spoil = (bytes, file) =>
          file === 'model.safetensors' ? Buffer.from(bytes).fill(7, 500, 501) : bytes;
      },
      /^org\/tiny came damaged/,
    ],
  ])('says that it %s', async (_, name, prepare, message) => {
    prepare();
    await page.reload();
    await ask(page, name);
    expect(await refusal(page)).toMatch(message);
    expect(await namesIn(page, snapshot)).not.toContain('model.safetensors');
    await waitForBase(page, 'bert-tiny-ko');
    const weights = asked.filter((url) => url.startsWith(STORE));
    expect(weights.length).toBe(message.source.includes('damaged') ? 1 : 0);
  });

  it('says that there is no room, in Korean too', async () => {
    const { origin } = new URL(served.url);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1e6 });
    await page.reload();
    await ask(page, 'org/tiny');
    expect(await refusal(page)).toMatch(/^There is no room for org\/tiny/);
    await clickButton(page, '한국어');
    expect(await refusal(page)).toMatch(/^이 브라우저에 org\/tiny 모델을 둘 자리가 없습니다/);
    await clickButton(page, 'English');
    await session.send('Storage.overrideQuotaForOrigin', { origin });
  });

  it('is fetched with progress until one stops it, and keeps what came whole', async () => {
    let send = () => {};
    answers.weights = new Promise((resolve) => {
      send = resolve;
    });
    await page.reload();
    await ask(page, 'org/tiny');
    const bar = await page.waitForSelector('.download progress');
    expect(await bar!.evaluate((each) => each.getAttribute('aria-label'))).toBe(
      'Fetching org/tiny …',
    );
    await expect
      .poll(() => asked.some((url) => url.startsWith(STORE)), { timeout: 9000 })
      .toBe(true);
    expect(await page.$eval('.download', (each) => each.textContent)).toMatch(
      /Fetching org\/tiny … [\d.]+ (bytes|kB) of 3\.0 MB/,
    );
    await clickButton(page, 'Stop fetching');
    await page.waitForFunction(() => !document.querySelector('.download'));
    send();
    expect(await baseOf(page)).toMatch(/^bert-tiny-ko/);
    expect(await namesIn(page, snapshot)).toEqual([
      ...['1_Pooling', 'config.json', 'tokenizer_config.json', 'vocab.txt'],
    ]);
    expect(await namesIn(page, 'models/models--org--tiny')).toEqual(['snapshots']);
  });

  it('is trained, with its weights from where the hub redirects to', async () => {
    await ask(page, 'org/tiny');
    await waitForBase(page, 'org/tiny, from the Hugging Face hub');
    expect(asked.filter((url) => /config\.json|vocab\.txt/.test(url))).toEqual([]);
    await fill(page, 'Epochs', '1');
    await fill(page, 'Longest text, in tokens', '16');
    await start(page);
    expect(await waitForStatus(page, /^(Done|It failed)/)).toMatch(/^Done/);
  });

  it('needs no network a second time', async () => {
    answers.offline = true;
    await page.reload();
    // The run that is shown began with it.
    await waitForBase(page, 'org/tiny, from the Hugging Face hub');
    await clickButton(page, 'Use the shipped one');
    await waitForBase(page, 'bert-tiny-ko');
    await ask(page, 'org/tiny');
    await waitForBase(page, 'org/tiny');
    await start(page);
    await page.waitForFunction(
      () => !/^Done/.test(document.querySelector('.status')!.textContent!),
    );
    expect(await waitForStatus(page, /^(Done|It failed)/)).toMatch(/^Done/);
    expect(asked).toEqual([]);
  });

  it('asks no other host than the hub and its stores', () => {
    const others = served.troubles.filter((each) => each.startsWith('a request to'));
    expect(others.length).toBeGreaterThan(0);
    for (const each of others)
      expect(each).toMatch(/^a request to https:\/\/(huggingface|us\.aws)/);
    expect(served.troubles.filter((each) => /Content Security Policy/.test(each))).toEqual([]);
  });

  it.each([
    ['reaches', 'the hub', HUB],
    ['reaches', 'its stores', STORE],
    ['does not reach', 'another host', 'https://example.com'],
    ['does not reach', 'a host with a name that ends alike', 'https://nothf.co'],
  ])('%s %s from the engine', async (does, _, origin) => {
    const [engine] = page.workers();
    await engine.evaluate((url) => fetch(url).catch(() => {}), `${origin}/a`);
    expect(asked).toEqual(does === 'reaches' ? [`${origin}/a`] : []);
  });
});
