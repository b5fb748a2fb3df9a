import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest';
import { bertConfig, configToJson } from '../../src/bert/config.ts';
import { findModel } from '../../src/formats/hub.ts';
import { serializeSafetensors } from '../../src/formats/safetensors/file.ts';
import { type DownloadError, UsageError } from '../../src/platform/errors.ts';

/** A server that answers as the Hugging Face hub does, and a tiny model on it, `org/tiny`. */

export const sha = '0123456789abcdef0123456789abcdef01234567';
export const weights = (value: number) =>
  Buffer.from(
    serializeSafetensors([
      ['w', { dtype: 'F32', shape: [50_000], data: new Float32Array(50_000).fill(value) }],
    ]),
  );
export const model: Record<string, Buffer> = {
  'config.json': Buffer.from(configToJson(bertConfig(), ['BertModel'])),
  'vocab.txt': Buffer.from('[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfilm\n'),
  'tokenizer_config.json': Buffer.from('{"do_lower_case": false}'),
  'model.safetensors': weights(1),
  'pytorch_model.bin': Buffer.from('never asked for'),
  'README.md': Buffer.from('nor this'),
};

interface FakeHub {
  /** Files by repository. */
  repositories: Record<string, Record<string, Buffer>>;
  /** URLs that were requested, in order. */
  requests: string[];
  /** Changes the bytes of a file before they are sent; undefined breaks the connection. */
  spoil: (bytes: Buffer, file: string) => Buffer | undefined;
  /** The Hugging Face cache, a fresh folder for each test. */
  cache: string;
}
export const hub: FakeHub = { repositories: {}, requests: [], spoil: (bytes) => bytes, cache: '' };

export const digest = (kind: string, ...parts: (string | Buffer)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash(kind)).digest('hex');

/**
 * The endpoints that `@huggingface/hub` requests: small files in Git, weights in LFS, paged lists.
 */
function answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
  hub.requests.push(url);
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
  const files = hub.repositories[name ?? ''];
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
    const isDeep = searchParams.get('recursive') === 'true';
    const listed = Object.entries(files).filter(([path]) => isDeep || !path.includes('/'));
    const entries = listed.map(([path, bytes]) => {
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
      link: `<${endpoint}${pathname}?recursive=${isDeep}&cursor=${page + 3}>; rel="next"`,
    };
    json(entries.slice(page, page + 3), page + 3 < entries.length ? link : {});
  } else {
    const file = pathname.split(`/resolve/${sha}/`)[1];
    const bytes = hub.spoil(files[file], file);
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
export const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
export const root = await mkdtemp(join(tmpdir(), 'wigbert-hub-'));
afterAll(async () => {
  server.close();
  await rm(root, { recursive: true });
});

beforeEach(async () => {
  hub.cache = await mkdtemp(join(root, 'cache-'));
  for (const name of ['HUGGINGFACE_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME', 'HF_HUB_OFFLINE'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('HF_HUB_CACHE', hub.cache);
  vi.stubEnv('HF_ENDPOINT', `${endpoint}/`);
  hub.requests = [];
  hub.spoil = (bytes) => bytes;
  hub.repositories = { 'org/tiny': model };
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.doUnmock('@huggingface/hub');
});

/** The message with which `findModel` refuses a name. */
export async function refusal(
  name: string,
  Kind: typeof DownloadError | typeof UsageError = UsageError,
): Promise<string> {
  const error = await findModel(name).then(
    (dir) => expect.fail(`found ${dir}`),
    (caught: Error) => caught,
  );
  expect(error).toBeInstanceOf(Kind);
  expect(error.message).not.toContain('\n');
  return error.message;
}
