/** Pieces of a page. Whatever is put into one is text, and escaped, unless it is a piece itself. */
import { escapeXml } from '../../trainer/svg.ts';

/** A piece of HTML. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | false | undefined | readonly Part[];

const textOf = (part: Part): string => {
  if (part instanceof Html) return part.text;
  if (part === undefined || part === false) return '';
  if (typeof part === 'object') return part.map(textOf).join('');
  return escapeXml(String(part));
};

/** A piece of HTML with other pieces and texts in it. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.map((text, i) => (i === 0 ? text : textOf(parts[i - 1]) + text)).join(''));

/** Names of the colours of pictures in the page's style. */
const colors: Readonly<Record<string, string>> = {
  '#2f6db5': 'var(--train)',
  '#d9731a': 'var(--valid)',
  '#333333': 'var(--text)',
  '#777777': 'var(--quiet)',
  '#ececec': 'var(--grid)',
  '#cccccc': 'var(--line)',
  '#ffffff': 'var(--card)',
};

/** An SVG picture in the colours and the font of the page. */
export const themed = (svg: string): string =>
  svg
    .replace(/(fill|stroke)="(#[0-9a-f]{6})"/g, (whole, name: string, color: string) =>
      colors[color] ? `${name}="${colors[color]}"` : whole,
    )
    .replace(' font-family="sans-serif"', '');

/** A themed picture, as wide as there is room. */
export const picture = (svg: string): Html =>
  new Html(
    themed(svg).replace(
      /^<svg [^>]*?(viewBox="0 0 ([\d.]+) [^>]*>)/,
      '<svg style="max-width:$2px" $1',
    ),
  );

/** Text from a file: in its own direction, and shortened. */
export function given(text: string, limit = 600): Html {
  const chars = Array.from(text.slice(0, 2 * limit));
  const isLong = chars.length > limit || text.length > 2 * limit;
  return html`<bdi>${isLong ? `${chars.slice(0, limit).join('')}…` : text}</bdi>`;
}

/** A column of a table; numbers are aligned to the right. */
export type Column = string | { title: string; right: true };

/** A table whose rows begin with their name; it scrolls where there is no room. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (Html | string | number)[])[],
): Html {
  const isRight = (i: number) => typeof columns[i] === 'object';
  const cell = (content: Html | string | number, i: number) => {
    const side = isRight(i) ? html` class="number"` : '';
    return i === 0
      ? html`<th scope="row"${side}>${content}</th>`
      : html`<td${side}>${content}</td>`;
  };
  const head = columns.map((column, i) => {
    const title = typeof column === 'string' ? column : column.title;
    return html`<th scope="col"${isRight(i) ? html` class="number"` : ''}>${title}</th>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
<table><caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody></table></div>`;
}

/** A part of the page; undefined if it has nothing to show. */
export const section = (title: string, ...content: readonly Part[]): Html =>
  html`<section><h2>${title}</h2>\n${content}</section>\n`;
