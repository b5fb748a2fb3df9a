import { fittedScale, type Scale, shareOf } from '../train/trainer/scale.ts';
import {
  gridColor,
  svgDocument,
  svgLegend,
  svgLine,
  svgPoint,
  svgText,
  trainColor,
  validColor,
} from '../train/trainer/svg.ts';
import type { Summary } from './summary.ts';

/** Of a panel, and of what stands left of the first: the methods' names. */
const PANEL = 360;
const NAMES = 270;
const ROW = 34;
const TOP = 46;
const WIDTH = PANEL - 50;

/**
 * Draws a study as one SVG picture: a panel for each size, a row for each method, a dot for each
 * seed, a diamond at their mean.
 */
export function studyPicture({ sizes, methods }: Summary): string {
  const bottom = TOP + ROW * methods.length;
  const all = methods.flatMap(({ accuracy }) => accuracy.flatMap(({ values }) => values));
  const min = Math.max(0, Math.floor(20 * Math.min(...all, 0.95) - 0.2) / 20);
  const max = Math.min(1, Math.ceil(20 * Math.max(...all, 0.05) + 0.2) / 20);
  const format = (value: number) => `${Math.round(100 * value)} %`;
  const scale = fittedScale([min, max], WIDTH, { format });
  const width = NAMES + PANEL * sizes.length;
  return svgDocument(width, bottom + 64, 'Test accuracy of each method', [
    ...methods.map(({ title }, row) =>
      svgText(NAMES - 12, rowMiddle(row) + 5, title, {
        size: 13,
        anchor: 'end',
        width: NAMES - 20,
      }),
    ),
    ...sizes.flatMap((size, i) => {
      const left = NAMES + PANEL * i;
      const name = `${size.toLocaleString('en')} labelled rows`;
      return [
        svgText(left, 28, name, { size: 14, bold: true, width: WIDTH }),
        ...gridOf(scale, left, bottom, methods.length),
        ...methods.flatMap(({ accuracy }, row) => pointsOf(accuracy[i], scale, left, row)),
      ];
    }),
    ...svgLegend(width / 2, bottom + 50, [
      { name: 'a seed', color: trainColor, shape: 'circle' },
      { name: 'mean', color: validColor, shape: 'diamond' },
    ]),
  ]);
}

const rowMiddle = (row: number): number => TOP + ROW * (row + 0.5);

function gridOf(scale: Scale, left: number, bottom: number, rows: number): string[] {
  const vertical = scale.ticks.flatMap((tick) => {
    const x = left + WIDTH * shareOf(scale, tick);
    const line = [
      [x, TOP],
      [x, bottom],
    ] as const;
    return [
      svgLine(line, { color: gridColor }),
      svgText(x, bottom + 18, scale.format(tick), { anchor: 'middle' }),
    ];
  });
  const horizontal = Array.from({ length: rows }, (_, row) => {
    const ends = [left, left + WIDTH].map((x) => [x, rowMiddle(row)] as const);
    return svgLine(ends, { color: '#f3f3f3' });
  });
  return [...vertical, ...horizontal];
}

function pointsOf(
  { values, mean }: Summary['methods'][number]['accuracy'][number],
  scale: Scale,
  left: number,
  row: number,
): string[] {
  const place = (value: number) => [left + WIDTH * shareOf(scale, value), rowMiddle(row)] as const;
  const seeds = values.map((value) => svgPoint(place(value), { size: 9, color: trainColor }));
  if (!Number.isFinite(mean)) return seeds;
  return [...seeds, svgPoint(place(mean), { shape: 'diamond', size: 11, color: validColor })];
}
