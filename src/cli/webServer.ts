import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UsageError } from '../platform/errors.ts';

/** Only this machine reaches the server. */
const HOST = '127.0.0.1';

/** Names under which this machine may ask: another one means that a site has taken the address. */
const HOST_NAMES = [HOST, 'localhost'];

/** Ports that are tried, from the one that is asked for. */
const TRIES = 20;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.tsv': 'text/tab-separated-values; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/** Isolated pages may share memory among threads. Nothing is kept: new versions show at once. */
const headers = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/**
 * The file of the folder that a request names; undefined if there is none. What leads out of the
 * folder, by dots or by links, is not there.
 * @param root the folder, without links in its path
 */
export async function findServedFile(root: string, url: string): Promise<string | undefined> {
  let path: string;
  try {
    path = decodeURIComponent(url.replace(/[?#].*$/s, ''));
  } catch {
    return undefined;
  }
  if (!path.startsWith('/') || /[\0\\]/.test(path)) return undefined;
  const asked = join(root, path.endsWith('/') ? `${path}index.html` : path);
  const found = await realpath(asked).catch(() => undefined);
  if (!found?.startsWith(root + sep)) return undefined;
  return (await stat(found)).isFile() ? found : undefined;
}

const nameOf = (host: string | undefined): string =>
  (host ?? '').replace(/:\d+$/, '').toLowerCase();

/** Folders without links in their paths, by the first part of the addresses that lead there. */
type Roots = Readonly<Record<string, string>>;

/** The file that a request names, in the folder of the first part of its address if it has one. */
const findFile = (root: string, others: Roots, url: string): Promise<string | undefined> => {
  const [, first, rest] = /^\/(\w+)(\/.*)$/s.exec(url) ?? [];
  const other = first !== undefined && Object.hasOwn(others, first) ? others[first] : undefined;
  return other === undefined ? findServedFile(root, url) : findServedFile(other, rest);
};

async function answer(
  root: string,
  others: Roots,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const refuse = (status: number, text: string) => {
    const type = { 'content-type': types['.txt'], 'content-length': text.length };
    response.writeHead(status, { ...headers, ...type });
    response.end(text);
  };
  if (!HOST_NAMES.includes(nameOf(request.headers.host)))
    return refuse(403, 'this server answers 127.0.0.1 and localhost');
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'GET or HEAD');
  const file = await findFile(root, others, request.url ?? '');
  if (!file) return refuse(404, 'not found');
  const type = types[extname(file)] ?? 'application/octet-stream';
  const { size } = await stat(file);
  response.writeHead(200, { ...headers, 'content-type': type, 'content-length': size });
  if (request.method === 'HEAD') return response.end();
  // A reader who leaves is no failure of the server.
  await pipeline(createReadStream(file), response).catch(() => response.destroy());
}

/** A folder that is being served. */
export interface WebServer {
  /** Address of its start page. */
  url: string;
  /** Ends it, with the connections that are open. */
  close(): void;
}

/**
 * Serves a folder to this machine.
 * @param port the first that is tried; if it is taken, those after it. 0: any that is free
 * @param others folders that are served as if they were in it, by name
 * @throws UsageError when none of them is free.
 */
export async function serveFolder(
  folder: string,
  port: number,
  others: Roots = {},
): Promise<WebServer> {
  const root = await realpath(folder);
  const roots: Record<string, string> = {};
  for (const name of Object.keys(others)) roots[name] = await realpath(others[name]);
  const server = createServer((request, response) => {
    answer(root, roots, request, response).catch(() => response.destroy());
  });
  const taken = await listen(server, port);
  return {
    url: `http://${HOST}:${taken}/`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function listen(server: Server, first: number): Promise<number> {
  for (let port = first; port < first + TRIES && port < 65_536; port++) {
    const error = await tryPort(server, port);
    if (!error) return (server.address() as { port: number }).port;
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES')
      throw new UsageError(`\`port\`: cannot listen on ${port}: ${error.message}`);
  }
  throw new UsageError(
    `\`port\`: expected a free one among ${TRIES} from ${first}: all of them are taken`,
  );
}

function tryPort(server: Server, port: number): Promise<NodeJS.ErrnoException | undefined> {
  server.listen(port, HOST);
  return once(server, 'listening').then(
    () => undefined,
    (error) => error,
  );
}
