/** Pieces of SVG pictures: texts that fit, lines, points, axes' ticks. Lengths are in pixels. */

export const trainColor = '#2f6db5';
export const validColor = '#d9731a';
export const textColor = '#333333';
export const quietColor = '#777777';
export const gridColor = '#ececec';

const number = (value: number): string => String(Math.round(value * 100) / 100);

export const escapeXml = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char]!,
  );

/** A whole picture on white. `label` is read out in its place. */
export const svgDocument = (
  width: number,
  height: number,
  label: string,
  parts: readonly string[],
): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" font-family="sans-serif" role="img" ` +
      `aria-label="${escapeXml(label)}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');

/** Letters of Chinese, Japanese and Korean, and pictographs: as wide as they are high. */
const wideChar = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/;
const narrowChar = /[\s.,:;·'|!ijlIftr()[\]-]/;

/** The width of a character in a sans-serif font, rather too wide than too narrow. */
const charWidth = (char: string, size: number): number => {
  if (wideChar.test(char) || char.length > 1) return size;
  return size * (narrowChar.test(char) ? 0.4 : /[A-ZMWmw%@]/.test(char) ? 0.85 : 0.62);
};

/** About the width of a text. */
export const textWidth = (text: string, size: number): number =>
  Array.from(text).reduce((sum, char) => sum + charWidth(char, size), 0);

/** A text that fits into `width`; a longer one ends in an ellipsis. */
export function fitText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text;
  const chars = Array.from(text);
  let left = width - charWidth('…', size);
  const end = chars.findIndex((char) => (left -= charWidth(char, size)) < 0);
  return `${chars.slice(0, end).join('').trimEnd()}…`;
}

export interface TextStyle {
  /** Height of the font. */
  size?: number;
  color?: string;
  bold?: boolean;
  /** What of the text lies at the given place. */
  anchor?: 'start' | 'middle' | 'end';
  /** Turned to be read from below. */
  upright?: boolean;
  /** A white rim keeps it readable over lines. */
  rim?: boolean;
  /** Longer texts end in an ellipsis. */
  width?: number;
}

/** One line of text; `y` is its base line. */
export function svgText(x: number, y: number, text: string, style: TextStyle = {}): string {
  const { size = 12, color = textColor, bold, anchor = 'start', upright, rim, width } = style;
  const shown = width === undefined ? text : fitText(text, size, width);
  const attributes = [
    `x="${number(x)}" y="${number(y)}" font-size="${size}" fill="${color}"`,
    ...(anchor === 'start' ? [] : [`text-anchor="${anchor}"`]),
    ...(bold ? ['font-weight="bold"'] : []),
    ...(upright ? [`transform="rotate(-90 ${number(x)} ${number(y)})"`] : []),
    ...(rim ? ['stroke="#ffffff" stroke-width="4" paint-order="stroke"'] : []),
  ];
  return `<text ${attributes.join(' ')}>${escapeXml(shown)}</text>`;
}

type Place = readonly [x: number, y: number];

export interface LineStyle {
  color: string;
  width?: number;
  opacity?: number;
  dashed?: boolean;
}

/** A line through some places; a single place gives nothing. */
export function svgLine(places: readonly Place[], style: LineStyle): string {
  if (places.length < 2) return '';
  const { color, width = 1, opacity = 1, dashed = false } = style;
  const path = places.map(([x, y]) => `${number(x)} ${number(y)}`).join('L');
  return (
    `<path d="M${path}" fill="none" stroke="${color}" stroke-width="${width}"` +
    `${opacity < 1 ? ` stroke-opacity="${opacity}"` : ''}` +
    `${dashed ? ' stroke-dasharray="5 4"' : ''} stroke-linejoin="round"/>`
  );
}

/** A point of a measurement; `size` across. */
export function svgPoint(
  [x, y]: Place,
  { shape = 'circle', size, color }: { shape?: 'circle' | 'diamond'; size: number; color: string },
): string {
  const r = size / 2;
  if (shape === 'circle')
    return `<circle cx="${number(x)}" cy="${number(y)}" r="${number(r)}" fill="${color}"/>`;
  const corners = [
    [x, y - r],
    [x + r, y],
    [x, y + r],
    [x - r, y],
  ].map((corner) => corner.map(number).join(','));
  return `<polygon points="${corners.join(' ')}" fill="${color}"/>`;
}

/**
 * At most two places for each pixel from left to right, the highest and the lowest: what a longer
 * line would show.
 */
export function thinOut(places: readonly Place[]): Place[] {
  const columns = new Map<number, Place[]>();
  for (const place of places) {
    const column = columns.get(Math.floor(place[0]));
    if (!column) columns.set(Math.floor(place[0]), [place]);
    else column.push(place);
  }
  return [...columns.values()].flatMap((column) => {
    if (column.length <= 2) return column;
    const byHeight = [...column].sort((a, b) => a[1] - b[1]);
    return [byHeight[0], byHeight.at(-1)!].sort((a, b) => a[0] - b[0]);
  });
}

/** An entry of a legend. */
export interface LegendEntry {
  name: string;
  color: string;
  shape: 'line' | 'circle' | 'diamond';
  opacity?: number;
}

const LEGEND_SIZE = 13;
const LEGEND_ICON = 26;

/** A row of entries, centred on `x`. */
export function svgLegend(x: number, y: number, entries: readonly LegendEntry[]): string[] {
  const gap = 28;
  const widths = entries.map(({ name }) => LEGEND_ICON + textWidth(name, LEGEND_SIZE));
  const total = widths.reduce((sum, width) => sum + width + gap, -gap);
  let left = x - total / 2;
  return entries.flatMap(({ name, color, shape, opacity }, i) => {
    const [at, middle] = [left, y - 4];
    left += widths[i] + gap;
    const line: Place[] = [
      [at, middle],
      [at + LEGEND_ICON - 7, middle],
    ];
    const center: Place = [at + (LEGEND_ICON - 7) / 2, middle];
    return [
      shape === 'line'
        ? svgLine(line, { color, width: 2, opacity })
        : svgPoint(center, { shape, size: 9, color }),
      svgText(at + LEGEND_ICON, y, name, { size: LEGEND_SIZE }),
    ];
  });
}
