/**
 * Tries the packed package in bundlers: each builds the app of scripts/bundlers, a headless
 * Chromium trains with it, and Node must read the same labels from the files of its model.
 *
 *     node scripts/bundlers.mjs            # every bundler
 *     node scripts/bundlers.mjs vite next  # those whose name contains one of these
 *     node scripts/bundlers.mjs --device webgpu
 *
 * Needs npm's registry and Chromium. It prints a line for each bundler; exit code 1 if one fails.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundlers } from './bundlers/bundlers.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  options: { device: { type: 'string', default: 'cpu' }, keep: { type: 'string' } },
  allowPositionals: true,
});
const work = values.keep ?? mkdtempSync(join(tmpdir(), 'wigbert-bundlers-'));
const npm = (dir, ...args) =>
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: dir,
    encoding: 'utf8',
  });

/** A project with the app, the package and a bundler. */
function makeProject(name, packages, tarball) {
  const dir = join(work, name.replaceAll(' ', '-'));
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{ "private": true, "type": "module" }\n');
  npm(dir, 'install', tarball, ...packages);
  cpSync(join(root, 'scripts', 'bundlers', 'app.js'), join(dir, 'app.js'));
  writeFileSync(
    join(dir, 'page.js'),
    `import { report } from './app.js';
const query = new URLSearchParams(location.search);
report(query.get('device'), query.get('to'));
`,
  );
  writeFileSync(
    join(dir, 'index.html'),
    '<!doctype html><script type="module" src="./page.js"></script>\n',
  );
  return dir;
}

/** Opens a page in Chromium, and waits for what it sends. */
async function visit(url) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const result = once(server, 'request').then(async ([request, response]) => {
    const text = Buffer.concat(await request.toArray()).toString();
    response.end();
    return JSON.parse(text);
  });
  const to = `http://127.0.0.1:${server.address().port}/`;
  const profile = mkdtempSync(join(tmpdir(), 'wigbert-profile-'));
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu-sandbox'];
  flags.push('--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader');
  const query = new URLSearchParams({ device: values.device, to });
  const chromium = spawn('chromium', [...flags, `--user-data-dir=${profile}`, `${url}?${query}`], {
    stdio: 'ignore',
    detached: true,
  });
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the page sent nothing for 3 minutes')), 180_000);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
    process.kill(-chromium.pid, 'SIGKILL');
    await once(chromium, 'exit');
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** @throws when the page's result is not what Node makes of its files. */
function check(dir, { error, steps, sum, labels, files }) {
  if (error) throw new Error(error);
  if (steps !== 20 || sum !== '2,3') throw new Error(`got ${steps} steps and the sum ${sum}`);
  const model = join(dir, 'model');
  mkdirSync(model, { recursive: true });
  for (const [name, bytes] of Object.entries(files))
    writeFileSync(join(model, name), Uint8Array.from(bytes));
  const program = `
    import { pipeline } from 'wigbert/train';
    import { useDevice } from 'wigbert';
    import { texts } from './app.js';
    await useDevice('cpu');
    const classifier = await pipeline('text-classification', 'model');
    console.log((await classifier.predict(texts)).map(({ label }) => label).join());`;
  const args = ['--input-type=module', '--eval', program];
  const read = execFileSync(process.execPath, args, { cwd: dir, encoding: 'utf8' }).trim();
  if (read !== labels.join()) throw new Error(`the page said ${labels}, Node reads ${read}`);
}

mkdirSync(work, { recursive: true });
const packed = npm(root, 'pack', '--silent', '--pack-destination', work).trim().split('\n').at(-1);
const chosen = Object.entries(bundlers).filter(
  ([name]) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
for (const [name, { packages, serve }] of chosen) {
  let page;
  try {
    const dir = makeProject(name, packages, join(work, packed));
    page = await serve(dir);
    check(dir, await visit(page.url));
    console.log(`${name}: trained, saved, read by Node`);
  } catch (error) {
    console.log(`${name}: FAILED\n${error.stderr ?? error.stack}`);
    process.exitCode = 1;
  } finally {
    await page?.stop();
  }
}
if (!values.keep) rmSync(work, { recursive: true, force: true });
process.exit();
