/**
 * The bundlers that scripts/bundlers.mjs tries: the packages of each, and how it makes a page of
 * `page.js` and `index.html` in a folder. `serve` gives the page's address and how to stop it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, createReadStream, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** Serves the files of a folder. */
export async function serveFolder(dir) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const path = join(dir, pathname === '/' ? 'index.html' : pathname);
    if (!existsSync(path)) return response.writeHead(404).end();
    response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream');
    createReadStream(path).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, stop };
}

/** Imports a package of the project; that of Vite 5 may be CommonJS. */
async function load(dir, name) {
  const path = createRequire(join(dir, 'x.js')).resolve(name);
  const loaded = await import(pathToFileURL(path).href);
  return loaded.default ?? loaded;
}

/** Runs a program of the project; throws what it printed if it fails. */
async function run(dir, command, ...args) {
  const child = spawn(join(dir, 'node_modules', '.bin', command), args, { cwd: dir });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${output}`);
  return output;
}

/** A page in `dist` whose one script is a bundle. */
function bundlePage(dir) {
  const script = '<script type="module" src="./bundle.js"></script>';
  mkdirSync(join(dir, 'dist'), { recursive: true });
  writeFileSync(join(dir, 'dist', 'index.html'), `<!doctype html>${script}`);
  return serveFolder(join(dir, 'dist'));
}

const viteBuild = async (dir) => {
  const vite = await load(dir, 'vite');
  const target = 'esnext';
  await vite.build({ root: dir, configFile: false, logLevel: 'warn', build: { target } });
  return serveFolder(join(dir, 'dist'));
};
const viteDev = async (dir) => {
  const vite = await load(dir, 'vite');
  const server = await vite.createServer({ root: dir, configFile: false, logLevel: 'warn' });
  await server.listen(0);
  return { url: server.resolvedUrls.local[0], stop: () => server.close() };
};
const vite = (version) => ({
  [`vite ${version} build`]: { packages: [`vite@${version}`], serve: viteBuild },
  [`vite ${version} dev`]: { packages: [`vite@${version}`], serve: viteDev },
});

const esbuild = (options) => ({
  packages: ['esbuild'],
  serve: async (dir) => {
    const { build } = await load(dir, 'esbuild');
    const output = { outfile: join(dir, 'dist/bundle.js'), format: 'esm', bundle: true };
    await build({ absWorkingDir: dir, entryPoints: ['page.js'], ...output, ...options });
    return bundlePage(dir);
  },
});

const webpack = {
  packages: ['webpack@5', 'webpack-cli'],
  serve: async (dir) => {
    const output = ['--output-path', join(dir, 'dist'), '--output-filename', 'bundle.js'];
    await run(dir, 'webpack', 'build', './page.js', '--mode', 'production', ...output);
    return bundlePage(dir);
  },
};

const rollup = {
  packages: ['rollup', '@rollup/plugin-node-resolve'],
  serve: async (dir) => {
    const resolve = 'node-resolve={browser: true}';
    const output = ['--format', 'es', '--dir', join(dir, 'dist'), '--entryFileNames', 'bundle.js'];
    await run(dir, 'rollup', 'page.js', '--plugin', resolve, ...output);
    return bundlePage(dir);
  },
};

const next = {
  packages: ['next@16', 'react', 'react-dom'],
  serve: async (dir) => {
    mkdirSync(join(dir, 'app'), { recursive: true });
    for (const file of ['app.js', 'page.js'])
      cpSync(join(dir, file), join(dir, 'app', `lib-${file}`));
    writeFileSync(
      join(dir, 'app', 'page.js'),
      `'use client';
import { useEffect } from 'react';
import { report } from './lib-app.js';
export default function Page() {
  useEffect(() => {
    const query = new URLSearchParams(location.search);
    report(query.get('device'), query.get('to'));
  }, []);
  return <p>wigbert</p>;
}
`,
    );
    writeFileSync(
      join(dir, 'app', 'layout.js'),
      `export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
`,
    );
    await run(dir, 'next', 'build');
    const port = String(20_000 + Math.floor(Math.random() * 20_000));
    const program = join(dir, 'node_modules', '.bin', 'next');
    const child = spawn(program, ['start', '-p', port], { cwd: dir, detached: true });
    for await (const text of child.stdout) if (/ready/i.test(String(text))) break;
    const stop = () => process.kill(-child.pid);
    return { url: `http://127.0.0.1:${port}/`, stop };
  },
};

export const bundlers = {
  ...vite(5),
  ...vite(6),
  ...vite(7),
  ...vite(8),
  esbuild: esbuild({}),
  'esbuild minified': esbuild({ minify: true }),
  'webpack 5': webpack,
  rollup,
  'next 16': next,
};
