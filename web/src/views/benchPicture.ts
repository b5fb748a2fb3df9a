import { formatPercent } from '../../../src/platform/format.ts';
import {
  gridColor,
  quietColor,
  svgDocument,
  svgText,
  trainColor,
} from '../../../src/train/trainer/svg.ts';
import type { BenchResult } from '../engine/protocol.ts';

const [WIDTH, TOP, ROW, LEFT, BAR] = [720, 96, 30, 210, 360];
const bar = (y: number, width: number, color: string): string =>
  `<rect x="${LEFT}" y="${y + 4}" width="${width.toFixed(1)}" height="14" fill="${color}"/>`;

/** The result as a picture of its own, on white. */
export function benchPicture({ device, rows, peaks }: BenchResult): string {
  const bars = rows.flatMap(({ name, milliseconds, share }, i) => {
    const y = TOP + ROW * i;
    const value = share === null ? '–' : formatPercent(share);
    const title = name === 'step' ? 'training step' : name;
    return [
      svgText(LEFT - 12, y + 16, title, { anchor: 'end', width: LEFT - 36 }),
      bar(y, BAR, gridColor),
      bar(y, BAR * Math.min(1, share ?? 0), trainColor),
      svgText(LEFT + BAR + 12, y + 16, `${value} · ${milliseconds.toPrecision(3)} ms`),
    ];
  });
  const about = `${device.kind} · ${device.description}`;
  const peak =
    `share of the measured peak: ${(peaks.flops / 1e9).toFixed(0)} GFLOP/s, ` +
    `${(peaks.bytesPerSecond / 1e9).toFixed(1)} GB/s`;
  return svgDocument(WIDTH, TOP + ROW * rows.length + 24, `wigbert bench: ${about}`, [
    svgText(24, 36, 'wigbert bench', { size: 18, bold: true }),
    svgText(24, 58, about, { width: WIDTH - 48 }),
    svgText(24, 76, peak, { color: quietColor }),
    ...bars,
  ]);
}
