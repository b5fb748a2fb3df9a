import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The pages for people: both starts and everything in docs. */
export const pages: string[] = [
  'README.md',
  'README.ko.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export const readPage = (page: string): string => readFileSync(join(root, page), 'utf8');

interface Block {
  language: string;
  /** What follows the language: `continued`, `no-run`. */
  marks: string[];
  code: string;
}

export function blocksOf(text: string): Block[] {
  return Array.from(
    text.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```/gm),
    ([, language, rest, code]) => ({
      language,
      marks: rest.trim().split(/\s+/),
      code,
    }),
  );
}

export interface Program {
  name: string;
  code: string;
  runs: boolean;
}

/**
 * The TypeScript of a page as programs. A block marked `continued` goes on with the block before
 * it; one marked `no-run` needs what a test does not have (a page, the network) and is only
 * type-checked.
 */
export function programsOf(page: string): Program[] {
  const programs: Program[] = [];
  for (const { language, marks, code } of blocksOf(readPage(page))) {
    if (language !== 'ts') continue;
    const runs = !marks.includes('no-run');
    if (marks.includes('continued')) {
      const before = programs.at(-1)!;
      before.code += code;
      before.runs &&= runs;
    } else {
      const name = `${page.replace(/\W/g, '-')}-${programs.length + 1}`;
      programs.push({ name, code, runs });
    }
  }
  return programs;
}

/** Commands of the shell blocks: continued lines are joined, comments left out. */
export const shellLinesOf = (page: string): string[] =>
  blocksOf(readPage(page))
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter(Boolean);

/** The words of a command, without its quotes; a pipe or a redirection ends it. */
export function wordsOf(line: string): string[] {
  const words = Array.from(
    line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g),
    ([, a, b, c]) => a ?? b ?? c,
  );
  const end = words.findIndex((word) => ['|', '>', '<', '&&'].includes(word));
  return end < 0 ? words : words.slice(0, end);
}

/** GitHub's anchor of a heading. */
const anchor = (heading: string): string =>
  heading
    .replaceAll(/`|\*|\[|\]\([^)]*\)/g, '')
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');

/** Links and pictures of a page that lead to no file or heading of the repository. */
export function brokenLinks(page: string): string[] {
  const text = readPage(page).replaceAll(/^```[\s\S]*?^```/gm, '');
  const links = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file, heading] = link.split('#');
    const path = file ? join(root, dirname(page), file) : join(root, page);
    if (!existsSync(path)) return true;
    if (!heading) return false;
    const headings = Array.from(readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm), ([, h]) =>
      anchor(h),
    );
    return !headings.includes(heading);
  });
}
