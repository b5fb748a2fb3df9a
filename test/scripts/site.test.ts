import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { withPolicy } from '../../scripts/site.mjs';

const head = '<!DOCTYPE html><html><head><meta charset="utf-8"/>';
const policyOf = (html: string) =>
  /<meta http-equiv="Content-Security-Policy" content="([^"]*)"\/>/.exec(html)![1];

test('a page of the docs runs its own scripts, and no others', () => {
  const code = 'document.body.dataset.theme = "os";\nrun()';
  const script = `<script>${code}</script>`;
  const html = withPolicy(`${head}<script src="a.js"></script></head><body>${script}${script}`);
  const sha = createHash('sha256').update(code).digest('base64');
  expect(policyOf(html)).toContain(`script-src 'self' 'sha256-${sha}';`);
  expect(policyOf(html)).toContain("default-src 'none'");
});

test('the policy stands before anything that it governs', () => {
  const html = withPolicy(`${head}<link rel="stylesheet" href="a.css"/></head>`);
  expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.indexOf('<link'));
});

test('a page without scripts in it gets none', () => {
  expect(policyOf(withPolicy(`${head}</head>`))).toContain("script-src 'self';");
});
