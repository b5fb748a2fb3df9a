/**
 * Makes out/site, a folder for any static host: the page, and in docs/ the pages for people and the
 * API reference. All paths are relative. Part of `npm run web:build`, which builds dist first.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What TypeDoc renders beside the API. */
const PAGES = ['docs/*.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'README.ko.md'];

/** @param {string} text */
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/**
 * A page of TypeDoc with a content security policy: its own scripts run, and no others, and it asks
 * for nothing elsewhere.
 * @param {string} html
 * @returns {string}
 */
export function withPolicy(html) {
  const inline = Array.from(html.matchAll(/<script>(.*?)<\/script>/gs), ([, code]) => hash(code));
  const policy = [
    "default-src 'none'",
    ["script-src 'self'", ...new Set(inline)].join(' '),
    // TypeDoc's script adds rules of style.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}"/>`;
  return html.replace(/<meta charset="utf-8"\/>/i, (charset) => charset + meta);
}

/**
 * @param {string} root
 * @returns {boolean} false if TypeDoc fails
 */
function makeSite(root) {
  const site = join(root, 'out/site');
  rmSync(site, { recursive: true, force: true });
  cpSync(join(root, 'dist/web'), site, { recursive: true });
  const docs = join(site, 'docs');
  const args = ['node_modules/typedoc/bin/typedoc', '--out', docs, '--readme', 'README.md'];
  for (const page of PAGES) args.push('--projectDocuments', page);
  // Links to folders and to files outside the site are told, and stay.
  args.push('--treatWarningsAsErrors', 'false', '--logLevel', 'Error');
  if (spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status !== 0) return false;
  for (const name of readdirSync(docs, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.html')) continue;
    const path = join(docs, name);
    writeFileSync(path, withPolicy(readFileSync(path, 'utf8')));
  }
  console.log('out/site: the page, docs/index.html the documentation');
  return true;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exitCode = makeSite(fileURLToPath(new URL('..', import.meta.url))) ? 0 : 1;
