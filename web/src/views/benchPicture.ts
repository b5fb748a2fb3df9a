import type { BenchResult } from '../engine/protocol.ts';

const escapeText = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

const [WIDTH, TOP, ROW, LEFT, BAR] = [720, 96, 30, 210, 360];

/** The result as a picture of its own, on white. */
export function benchPicture({ device, rows, peaks }: BenchResult): string {
  const height = TOP + ROW * rows.length + 24;
  const text = (x: number, y: number, content: string, rest = '') =>
    `<text x="${x}" y="${y}" ${rest}>${escapeText(content)}</text>`;
  const bars = rows.flatMap(({ name, milliseconds, share }, i) => {
    const y = TOP + ROW * i;
    const width = BAR * Math.min(1, share ?? 0);
    const value = `${share === null ? '–' : `${(100 * share).toFixed(0)} %`}`;
    return [
      text(LEFT - 12, y + 16, name === 'step' ? 'training step' : name, 'text-anchor="end"'),
      `<rect x="${LEFT}" y="${y + 4}" width="${BAR}" height="14" fill="#ebe8e1"/>`,
      `<rect x="${LEFT}" y="${y + 4}" width="${width.toFixed(1)}" height="14" fill="#2f6db5"/>`,
      text(LEFT + BAR + 12, y + 16, `${value} · ${milliseconds.toPrecision(3)} ms`),
    ];
  });
  const about = `${device.kind} · ${device.description}`.slice(0, 80);
  const peak =
    `share of the measured peak: ${(peaks.flops / 1e9).toFixed(0)} GFLOP/s, ` +
    `${(peaks.bytesPerSecond / 1e9).toFixed(1)} GB/s`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
      `viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13" fill="#1f1e1b">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(24, 36, 'wigbert bench', 'font-size="18" font-weight="bold"'),
    text(24, 58, about),
    text(24, 76, peak, 'fill="#615d55"'),
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}
