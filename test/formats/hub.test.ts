import { createHash } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readCheckpoint } from '../../src/bert/checkpoint/read.ts';
import { bertConfig, configToJson } from '../../src/bert/config.ts';
import { type DownloadProgress, findModel } from '../../src/formats/hub.ts';
import { serializeSafetensors } from '../../src/formats/safetensors/file.ts';
import { UsageError } from '../../src/platform/errors.ts';
import { BertTokenizer } from '../../src/text/tokenizer/index.ts';

const sha = '0123456789abcdef0123456789abcdef01234567';
const weights = (value: number) =>
  Buffer.from(
    serializeSafetensors([
      ['w', { dtype: 'F32', shape: [50_000], data: new Float32Array(50_000).fill(value) }],
    ]),
  );
const model: Record<string, Buffer> = {
  'config.json': Buffer.from(configToJson(bertConfig(), ['BertModel'])),
  'vocab.txt': Buffer.from('[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfilm\n'),
  'tokenizer_config.json': Buffer.from('{"do_lower_case": false}'),
  'model.safetensors': weights(1),
  'pytorch_model.bin': Buffer.from('never asked for'),
  'README.md': Buffer.from('nor this'),
};

/** What the server holds, by repository, and what it was asked for. */
const repositories: Record<string, Record<string, Buffer>> = {};
let requests: string[] = [];
/** Changes the answer with a file's bytes. */
let spoil: (bytes: Buffer, file: string) => Buffer | undefined = (bytes) => bytes;

const digest = (kind: string, ...parts: (string | Buffer)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash(kind)).digest('hex');

/** The endpoints of the hub that `@huggingface/hub` asks, in its form: small files in Git, weights in LFS, lists in pages. */
function answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
  requests.push(url);
  const { pathname, searchParams } = new URL(url, 'http://hub');
  const json = (body: unknown, more = {}) =>
    response
      .writeHead(200, { 'content-type': 'application/json', ...more })
      .end(JSON.stringify(body));
  const renamed = pathname.replace(/(^|\/)old-name\//, '$1org/tiny/');
  if (renamed !== pathname)
    return void response
      .writeHead(307, { location: `${renamed}${new URL(url, 'http://hub').search}` })
      .end();

  const [, name] =
    /^\/(?:api\/models\/)?((?:org\/)?[\w.-]+)\/(?:revision|tree|resolve)\//.exec(pathname) ?? [];
  const files = repositories[name ?? ''];
  if (!files)
    return void response
      .writeHead(401, { 'content-type': 'application/json' })
      .end('{"error":"Invalid username or password."}');
  if (pathname.endsWith('/revision/main')) {
    json({
      _id: '1',
      id: name,
      sha,
      private: false,
      downloads: 0,
      likes: 0,
      gated: false,
      lastModified: '2024-01-01T00:00:00Z',
    });
  } else if (pathname.endsWith(`/tree/${sha}`)) {
    const entries = Object.entries(files).map(([path, bytes]) => {
      const lfs = path.endsWith('.safetensors') && {
        oid: digest('sha256', bytes),
        size: bytes.length,
        pointerSize: 130,
      };
      return {
        type: 'file',
        path,
        size: bytes.length,
        oid: digest('sha1', `blob ${bytes.length}\0`, bytes),
        ...(lfs && { lfs }),
      };
    });
    const page = Number(searchParams.get('cursor') ?? 0);
    const link = {
      link: `<${endpoint}/api/models/${name}/tree/${sha}?cursor=${page + 3}>; rel="next"`,
    };
    json(entries.slice(page, page + 3), page + 3 < entries.length ? link : {});
  } else {
    const file = pathname.split(`/resolve/${sha}/`)[1];
    const bytes = spoil(files[file], file);
    if (!bytes) return void response.destroy();
    const etag = { etag: '"0"' };
    if (headers.range === 'bytes=0-0')
      response
        .writeHead(206, { ...etag, 'content-range': `bytes 0-0/${bytes.length}` })
        .end(bytes.subarray(0, 1));
    else response.writeHead(200, { ...etag, 'content-length': bytes.length }).end(bytes);
  }
}

const server = createServer(answer);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const root = await mkdtemp(join(tmpdir(), 'wigbert-hub-'));
afterAll(async () => {
  server.close();
  await rm(root, { recursive: true });
});

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(root, 'cache-'));
  for (const name of ['HUGGINGFACE_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME', 'HF_HUB_OFFLINE'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_ENDPOINT', `${endpoint}/`);
  requests = [];
  spoil = (bytes) => bytes;
  for (const name of Object.keys(repositories)) delete repositories[name];
  repositories['org/tiny'] = model;
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.doUnmock('@huggingface/hub');
});

async function refusal(
  name: string,
  Kind: typeof Error | typeof UsageError = UsageError,
): Promise<string> {
  const error = await findModel(name).then(
    (dir) => expect.fail(`found ${dir}`),
    (caught: Error) => caught,
  );
  expect(error).toBeInstanceOf(Kind);
  expect(error instanceof UsageError).toBe(Kind === UsageError);
  expect(error.message).not.toContain('\n');
  return error.message;
}

/** Puts a model into a cache as Python does: blobs, and links to them from the snapshot. */
async function fillCache(at: string, files: Record<string, Buffer>): Promise<string> {
  const snapshot = join(at, 'models--org--tiny', 'snapshots', sha);
  for (const folder of [snapshot, join(snapshot, '../../blobs'), join(snapshot, '../../refs')])
    await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    const blob = digest('sha256', bytes);
    await writeFile(join(snapshot, '../../blobs', blob), bytes);
    await symlink(join('..', '..', 'blobs', blob), join(snapshot, name));
  }
  await writeFile(join(snapshot, '../../refs/main'), sha);
  return snapshot;
}

describe('a folder', () => {
  test('is taken as it is, though it could be a name on the hub', async () => {
    const before = process.cwd();
    await mkdir(join(root, 'org', 'tiny'), { recursive: true });
    process.chdir(root);
    expect(await findModel('org/tiny')).toBe('org/tiny');
    process.chdir(before);
    expect(await findModel(root)).toBe(root);
    expect(requests).toEqual([]);
  });

  test.each([
    '',
    '.',
    '..',
    './tiny',
    '../tiny',
    '/tiny',
    'a/b/c',
    'org/',
    '-x',
    'org/../x',
    'a--b',
    'a b',
    'C:\\x',
    'x\n',
  ])('%j is never asked for elsewhere', async (name) => {
    expect(await findModel(name)).toBe(name);
    expect(requests).toEqual([]);
  });
});

describe('the cache', () => {
  test('is where Python keeps it', async () => {
    const snapshot = await fillCache(cache, model);
    expect(await findModel('org/tiny')).toBe(snapshot);
    expect((await readCheckpoint('org/tiny')).tensors.get('w')!.data[0]).toBe(1);
    expect((await BertTokenizer.fromPretrained('org/tiny')).tokenize('film')).toEqual(['film']);
    vi.stubEnv('HF_HUB_CACHE', '');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    vi.stubEnv('HF_HOME', join(root, 'home'));
    expect(await refusal('org/tiny')).toContain(` in the cache ${join(root, 'home', 'hub')};`);
    vi.stubEnv('HUGGINGFACE_HUB_CACHE', cache);
    expect(await findModel('org/tiny')).toBe(snapshot);
    vi.stubEnv('HUGGINGFACE_HUB_CACHE', '');
    vi.stubEnv('HF_HOME', '');
    expect(await refusal('no-such-model-anywhere')).toContain(
      ` in the cache ${homedir()}/.cache/huggingface/hub;`,
    );
    vi.stubEnv('XDG_CACHE_HOME', '/xdg');
    expect(await refusal('org/tiny')).toContain(' in the cache /xdg/huggingface/hub;');
    expect(requests).toEqual([]);
  });

  test.each(['config.json', 'vocab.txt', 'model.safetensors'])(
    'a model without its %s is fetched',
    async (name) => {
      const { [name]: _, ...rest } = model;
      const snapshot = await fillCache(cache, rest);
      expect(await findModel('org/tiny')).toBe(snapshot);
      expect(await readFile(join(snapshot, name))).toEqual(model[name]);
    },
  );

  test('a model in parts counts when all of them are there', async () => {
    const parts = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const index = Buffer.from(
      JSON.stringify({ weight_map: { a: parts[0], b: parts[1], c: parts[0] } }),
    );
    const { 'model.safetensors': _, ...rest } = model;
    const snapshot = await fillCache(cache, {
      ...rest,
      'model.safetensors.index.json': index,
      [parts[0]]: weights(1),
    });
    vi.stubEnv('HF_HUB_OFFLINE', 'true');
    expect(await refusal('org/tiny')).toContain('no whole model of that name');
    await writeFile(join(snapshot, parts[1]), weights(2));
    expect(await findModel('org/tiny')).toBe(snapshot);
  });

  test('a reference that is no commit leads nowhere', async () => {
    await fillCache(cache, model);
    await writeFile(join(cache, 'models--org--tiny/refs/main'), '../../..');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await refusal('org/tiny')).toMatch(
      /^there is no folder org\/tiny, and .*; HF_HUB_OFFLINE keeps it from being fetched$/,
    );
  });
});

describe('the hub', () => {
  test('is asked for what a model needs, once', async () => {
    const seen: DownloadProgress[] = [];
    const dir = await findModel('org/tiny', { onProgress: (progress) => seen.push(progress) });
    expect(dir).toBe(join(cache, 'models--org--tiny', 'snapshots', sha));
    const names = ['config.json', 'model.safetensors', 'tokenizer_config.json', 'vocab.txt'];
    expect((await readdir(dir)).sort()).toEqual(names);
    for (const name of names) expect(await readFile(join(dir, name))).toEqual(model[name]);
    expect(await readlink(join(dir, 'model.safetensors'))).toBe(
      join('..', '..', 'blobs', digest('sha256', model['model.safetensors'])),
    );
    expect(await readFile(join(cache, 'models--org--tiny/refs/main'), 'utf8')).toBe(sha);
    expect((await readdir(join(cache, 'models--org--tiny/blobs'))).length).toBe(4);

    const total = names.reduce((sum, name) => sum + model[name].length, 0);
    expect(seen.every((progress) => progress.total === total)).toBe(true);
    expect(seen.map(({ loaded }) => loaded)).toEqual(
      seen.map(({ loaded }) => loaded).sort((a, b) => a - b),
    );
    expect(seen.at(-1)!.loaded).toBe(total);
    expect(new Set(seen.map(({ file }) => file))).toEqual(new Set(names));

    expect((await readCheckpoint('org/tiny')).tensors.get('w')!.data[49_999]).toBe(1);
    const asked = requests.length;
    expect(await findModel('org/tiny')).toBe(dir);
    expect(requests.length).toBe(asked);
  });

  test('gives models in parts, and those that moved', async () => {
    const parts = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const { 'model.safetensors': _, ...rest } = model;
    const index = Buffer.from(JSON.stringify({ weight_map: { w: parts[0], v: parts[1] } }));
    repositories['org/tiny'] = {
      ...rest,
      'model.safetensors.index.json': index,
      [parts[0]]: weights(1),
      [parts[1]]: weights(2),
    };
    const dir = await findModel('old-name');
    expect(dir).toBe(join(cache, 'models--old-name', 'snapshots', sha));
    expect(await readdir(dir)).toEqual(
      expect.arrayContaining(['model.safetensors.index.json', ...parts]),
    );
  });

  test.each<[string, typeof spoil, RegExp]>([
    [
      'changed',
      (bytes) => Buffer.from(bytes).fill(7, 500, 501),
      /model\.safetensors came damaged: its checksum/,
    ],
    [
      'cut short',
      (bytes) => bytes.subarray(0, -1),
      /model\.safetensors has fewer than the 2\d{5} bytes/,
    ],
    [
      'longer',
      (bytes) => Buffer.concat([bytes, bytes]),
      /model\.safetensors has more than the 2\d{5} bytes/,
    ],
    ['cut off', () => undefined, / cannot be fetched from http:.*; check the network$/],
  ])('weights that come %s are not kept', async (_, damage, message) => {
    spoil = (bytes, file) => (file === 'model.safetensors' ? damage(bytes, file) : bytes);
    expect(await refusal('org/tiny', Error)).toMatch(message);
    const blobs = await readdir(join(cache, 'models--org--tiny/blobs'));
    expect(
      blobs.filter(
        (name) => name.includes('tmp') || name === digest('sha256', model['model.safetensors']),
      ),
    ).toEqual([]);
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await refusal('org/tiny')).toContain('no whole model');
    // What came whole is not asked for again.
    vi.stubEnv('HF_HUB_OFFLINE', '');
    spoil = (bytes) => bytes;
    requests = [];
    await findModel('org/tiny');
    expect(requests.some((url) => url.endsWith('config.json'))).toBe(false);
  });

  test('small files are checked too', async () => {
    spoil = (bytes, file) => (file === 'vocab.txt' ? Buffer.from(bytes).fill('x', 0, 1) : bytes);
    expect(await refusal('org/tiny', Error)).toContain('vocab.txt came damaged');
  });

  test('a name it does not have', async () => {
    expect(await refusal('org/nothing')).toBe(
      `there is no folder org/nothing, and no whole model of that name in the cache ${cache}, and no public one on the hub ${endpoint}`,
    );
  });

  test('a model that is a pickle alone is refused, and how to convert it said', async () => {
    const { 'model.safetensors': _, ...rest } = model;
    repositories['org/tiny'] = rest;
    expect(await refusal('org/tiny')).toMatch(
      /^org\/tiny on http.* has no model\.safetensors, only a pickle, .*: python3 -c "import transformers as t; n, to = 'org\/tiny', 'tiny'; .*"$/,
    );
    expect(requests.some((url) => url.includes('/resolve/'))).toBe(false);
  });

  test('without a network, one sentence says so', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
    await new Promise((resolve) => closed.close(resolve));
    vi.stubEnv('HF_ENDPOINT', url);
    expect(await refusal('org/tiny', Error)).toBe(
      `there is no folder org/tiny, and a model of that name cannot be fetched from ${url}: ECONNREFUSED; check the network`,
    );
  });

  test('without its package, one sentence says how to get it', async () => {
    vi.doMock('@huggingface/hub', () => {
      throw new Error('not installed');
    });
    expect(await refusal('org/tiny')).toBe(
      `there is no folder org/tiny, and no whole model of that name in the cache ${cache}; ` +
        'to fetch it from the hub, run: npm install @huggingface/hub',
    );
    expect(requests).toEqual([]);
  });
});
