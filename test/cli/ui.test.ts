import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveFolder, type WebServer } from '../../src/cli/webServer.ts';
import { cli, wigbert } from '../support/cli.ts';

const base = mkdtempSync(join(tmpdir(), 'wigbert-ui-'));
const folder = join(base, 'web');
let server: WebServer;
let port: number;

/** The head and the body that the server sends for a request as it is written. */
async function ask(target: string, host = `127.0.0.1:${port}`, method = 'GET') {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const part of socket) text += part;
  const [head, ...body] = text.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body: body.join() };
}

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(base, 'secret.txt'), 'secret');
  mkdirSync(join(base, 'web-2'));
  writeFileSync(join(base, 'web-2', 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'index.html'), 'start');
  writeFileSync(join(folder, 'assets', 'a b.js'), 'script');
  writeFileSync(join(folder, 'assets', 'index.html'), 'below');
  for (const name of ['c.css', 'd.json', 'e.wasm', 'f.svg', 'g.bin', 'h.safetensors'])
    writeFileSync(join(folder, name), name);
  symlinkSync(join(base, 'secret.txt'), join(folder, 'link.txt'));
  symlinkSync(base, join(folder, 'up'));
  symlinkSync(join(folder, 'c.css'), join(folder, 'inside.css'));
  mkdirSync(join(base, 'shared'));
  writeFileSync(join(base, 'shared', 'rows.tsv'), 'rows');
  symlinkSync(join(base, 'secret.txt'), join(base, 'shared', 'link.txt'));
  server = await serveFolder(folder, 0, { data: join(base, 'shared') });
  port = Number(new URL(server.url).port);
});
afterAll(() => {
  server.close();
  rmSync(base, { recursive: true });
});

describe('the server of the page', () => {
  it.each([
    ['/', 'start', 'text/html'],
    ['/?a=../b#c', 'start', 'text/html'],
    ['/assets/', 'below', 'text/html'],
    ['/assets/a%20b.js', 'script', 'text/javascript'],
    ['/c.css', 'c.css', 'text/css'],
    ['/inside.css', 'c.css', 'text/css'],
    ['/d.json', 'd.json', 'application/json'],
    ['/e.wasm', 'e.wasm', 'application/wasm'],
    ['/f.svg', 'f.svg', 'image/svg+xml'],
    ['/g.bin', 'g.bin', 'application/octet-stream'],
    ['/h.safetensors', 'h.safetensors', 'application/octet-stream'],
    ['/data/rows.tsv', 'rows', 'text/tab-separated-values'],
    ['/data/%72ows.tsv?a', 'rows', 'text/tab-separated-values'],
  ])('gives %s with its type', async (target, content, type) => {
    const { status, head, body } = await ask(target);
    expect([status, body]).toEqual([200, content]);
    expect(head).toContain(`content-type: ${type}`);
    expect(head).toContain(`content-length: ${content.length}`);
  });

  it.each([
    ...['/data', '/data/', '/data/missing.tsv', '/data/link.txt', '/data/../secret.txt'],
    ...['/data/..%2fsecret.txt', '/shared/rows.tsv', '/constructor/rows.tsv'],
  ])('has nothing at %s, beside a folder that is served as data', async (target) => {
    expect((await ask(target)).status).toBe(404);
  });

  it('isolates every answer, a refusal too', async () => {
    for (const target of ['/', '/missing']) {
      const { head } = await ask(target);
      expect(head).toContain('cross-origin-opener-policy: same-origin');
      expect(head).toContain('cross-origin-embedder-policy: require-corp');
      expect(head).toContain('x-content-type-options: nosniff');
    }
  });

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/%252e%252e/secret.txt',
    '/assets/../../secret.txt',
    '/./../secret.txt',
    '/../web-2/secret.txt',
    '/link.txt',
    '/up/secret.txt',
    '//etc/passwd',
    '/%2fetc/passwd',
    '/etc/passwd',
    'file:///etc/passwd',
    'http://127.0.0.1/secret.txt',
    '/c.css%00.html',
    '/%',
    '/%ff',
    '/assets',
    '/c.css/',
    '*',
  ])('has nothing at %s', async (target) => {
    const { status, body } = await ask(target);
    expect([status, body]).toEqual([404, 'not found']);
  });

  it('answers only under the names of this machine', async () => {
    for (const host of ['127.0.0.1', `localhost:${port}`, 'LOCALHOST'])
      expect((await ask('/', host)).status).toBe(200);
    for (const host of [
      'example.com',
      `127.0.0.1.example.com:${port}`,
      'localhost.evil',
      '10.0.0.1',
    ])
      expect((await ask('/', host)).status).toBe(403);
  });

  it('only reads', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await ask('/', undefined, method)).status).toBe(405);
    const { status, head, body } = await ask('/c.css', undefined, 'HEAD');
    expect([status, body]).toEqual([200, '']);
    expect(head).toContain('content-length: 5');
  });

  it('takes the next port if one is taken', async () => {
    const second = await serveFolder(folder, port);
    expect(Number(new URL(second.url).port)).toBeGreaterThan(port);
    second.close();
  });

  it('says nothing of the ports that are taken', async () => {
    const warned: Error[] = [];
    const warn = (warning: Error) => warned.push(warning);
    process.on('warning', warn);
    const servers: WebServer[] = [];
    for (let i = 0; i < 12; i++) servers.push(await serveFolder(folder, port));
    await new Promise(setImmediate);
    process.off('warning', warn);
    for (const each of servers) each.close();
    expect(warned).toEqual([]);
  });
});

describe('wigbert ui', () => {
  it('serves the page, says where, and ends on Ctrl-C', async () => {
    const program = spawn(process.execPath, [cli, 'ui', '--no-open', '--port', '0']);
    const [line] = await once(program.stdout, 'data');
    const url = /^http:\/\/127\.0\.0\.1:\d+\//.exec(String(line))![0];
    const page = await fetch(url);
    expect([page.status, page.headers.get('content-type')]).toEqual([
      200,
      'text/html; charset=utf-8',
    ]);
    expect((await fetch(`${url}file-template.html`)).status).toBe(200);
    const ended = once(program, 'exit');
    program.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  });

  it.each(['-1', '65536', '1.5'])('refuses the port %j', (port) => {
    const { status, stderr } = wigbert(['ui', '--no-open', `--port=${port}`]);
    expect(status).toBe(2);
    expect(stderr).toContain('Expected a port from 0 to 65535.');
  });
});
