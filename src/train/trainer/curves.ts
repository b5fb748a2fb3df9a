import { fittedScale, type Scale, shareOf } from './scale.ts';
import {
  gridColor,
  type LegendEntry,
  quietColor,
  svgDocument,
  svgLegend,
  svgLine,
  svgPoint,
  svgText,
  textColor,
  textWidth,
  thinOut,
  trainColor,
  validColor,
} from './svg.ts';

type Point = [step: number, value: number];

/** One measure. */
export interface Panel {
  name: string;
  /** The measure at each step, and training's and validation's at the end of each epoch. */
  raw: Point[];
  train: Point[];
  valid: Point[];
  /** Of its values. */
  scale: Scale;
}

/** What a picture shows: measures side by side, over the same steps. */
export interface Curves {
  title: string;
  summary: string;
  panels: Panel[];
  lastStep: number;
  /** The last epoch and the step it ended with, for an axis of epochs. */
  lastEpoch?: { epoch: number; step: number };
  best?: { epoch: number; step: number };
  /** What points of validation are called. */
  validName: string;
}

/** Width of a panel with its axes. */
const PANEL_WIDTH = 560;
const HEIGHT = 490;
/** The inside of a panel. */
const [LEFT, TOP, WIDTH, INNER_HEIGHT] = [76, 116, 456, 292];
const BOTTOM = TOP + INNER_HEIGHT;

/** Draws measures as one SVG picture. */
export function curvesPicture(curves: Curves): string {
  const { title, summary, panels, validName } = curves;
  const width = PANEL_WIDTH * panels.length;
  // A long name of a file ends in an ellipsis, rather than beyond the picture.
  const fit = { width: width - 48 };
  return svgDocument(width, HEIGHT, title, [
    svgText(24, 34, title, { size: 18, bold: true, ...fit }),
    svgText(24, 58, summary, { size: 13, color: quietColor, ...fit }),
    ...panels.flatMap((panel, index) => drawPanel(panel, LEFT + PANEL_WIDTH * index, curves)),
    ...svgLegend(width / 2, HEIGHT - 18, legendOf(panels, validName)),
  ]);
}

function drawPanel(panel: Panel, left: number, curves: Curves): string[] {
  const { scale, raw, train, valid } = panel;
  const steps = fittedScale([0, curves.lastStep], WIDTH, { whole: true });
  const place = ([step, value]: Point): Point => [
    left + WIDTH * shareOf(steps, step),
    BOTTOM - INNER_HEIGHT * shareOf(scale, value),
  ];
  const [trainPlaces, validPlaces] = [train.map(place), valid.map(place)];
  const smoothed = smooth(raw).map(place);
  const line = { color: trainColor, width: 2 };
  const points = (places: Point[], color: string) =>
    places.map((each) => svgPoint(each, { size: 8, color }));
  const { best } = curves;
  return [
    ...valueAxis(panel, left),
    ...stepAxis(steps, left),
    ...epochAxis(curves, left),
    svgLine(thinOut(raw.map(place)), { color: trainColor, opacity: 0.35 }),
    svgLine(thinOut(smoothed), line),
    // Few points are seen one by one (a single one makes no line).
    ...(raw.length <= 20 ? points(smoothed, trainColor) : []),
    ...(showsTrainEpochs(panel)
      ? [svgLine(trainPlaces, line), ...points(trainPlaces, line.color)]
      : []),
    ...(best
      ? bestLine(best, place([best.step, scale.min])[0], [...smoothed, ...validPlaces])
      : []),
    svgLine(validPlaces, { color: validColor, width: 2 }),
    ...validPlaces.map((each, i) =>
      svgPoint(each, { size: valid[i][0] === best?.step ? 13 : 8, color: validColor }),
    ),
  ].filter((part) => part !== '');
}

function valueAxis({ name, scale }: Panel, left: number): string[] {
  const widest = scale.ticks.reduce(
    (most, tick) => Math.max(most, textWidth(scale.format(tick), 12)),
    0,
  );
  const lines = scale.ticks.flatMap((tick) => {
    const y = BOTTOM - INNER_HEIGHT * shareOf(scale, tick);
    return [
      svgLine(
        [
          [left, y],
          [left + WIDTH, y],
        ],
        { color: gridColor },
      ),
      svgText(left - 8, y + 4, scale.format(tick), { anchor: 'end' }),
    ];
  });
  const style = { size: 13, anchor: 'middle', upright: true, width: INNER_HEIGHT } as const;
  return [...lines, svgText(left - 18 - widest, TOP + INNER_HEIGHT / 2, name, style)];
}

function stepAxis(steps: Scale, left: number): string[] {
  return horizontalAxis(steps, left, BOTTOM, { name: 'step', side: 1, color: textColor });
}

/** The same steps, counted in epochs, along the top. */
function epochAxis({ lastStep, lastEpoch: last }: Curves, left: number): string[] {
  if (!last) return [];
  const end = (lastStep * last.epoch) / last.step;
  const epochs = fittedScale([0, end], WIDTH, { whole: true });
  return horizontalAxis(epochs, left, TOP, { name: 'epoch', side: -1, color: quietColor });
}

/** `side`: 1 for labels below the line, -1 for labels above it. */
function horizontalAxis(
  scale: Scale,
  left: number,
  y: number,
  { name, side, color }: { name: string; side: 1 | -1; color: string },
): string[] {
  const below = (distance: number) => y + side * distance;
  const line = { color: side === 1 ? quietColor : '#cccccc' };
  const base = side === 1 ? 10 : 0;
  const ticks = scale.ticks.flatMap((tick) => {
    const x = left + WIDTH * shareOf(scale, tick);
    return [
      svgLine(
        [
          [x, y],
          [x, below(5)],
        ],
        line,
      ),
      svgText(x, below(8) + base, scale.format(tick), { anchor: 'middle', color }),
    ];
  });
  const ends: [number, number][] = [
    [left, y],
    [left + WIDTH, y],
  ];
  const style = { size: 13, anchor: 'middle' } as const;
  return [svgLine(ends, line), ...ticks, svgText(left + WIDTH / 2, below(26) + base, name, style)];
}

const eachStep = 'train, each step';
const smoothedName = 'train, smoothed';
const trainEpoch = 'train, by epoch';

function legendOf(panels: Panel[], validName: string): LegendEntry[] {
  const train = { color: trainColor, shape: 'line' } as const;
  const entries: LegendEntry[] = [];
  if (panels.some(({ raw }) => raw.length > 0))
    entries.push({ ...train, name: eachStep, opacity: 0.35 }, { ...train, name: smoothedName });
  if (panels.some(showsTrainEpochs)) entries.push({ ...train, name: trainEpoch, shape: 'circle' });
  if (panels.some(({ valid }) => valid.length > 0))
    entries.push({ name: validName, color: validColor, shape: 'circle' });
  return entries;
}

/** The means of the epochs say nothing new where every step is drawn. */
function showsTrainEpochs({ raw, train }: Panel): boolean {
  return raw.length === 0 && train.length > 0;
}

/** Its label stands at the end that is away from the curves. */
function bestLine({ epoch }: { epoch: number }, x: number, places: readonly Point[]): string[] {
  const label = `best: epoch ${epoch}`;
  const length = textWidth(label, 12) + 8;
  const near = places.filter(([other]) => other <= x + 2 && other >= x - 20);
  const isTopFree = near.every(([, y]) => y > TOP + length);
  const style = { color: validColor, upright: true, rim: true } as const;
  return [
    svgLine(
      [
        [x, TOP],
        [x, BOTTOM],
      ],
      { color: validColor, dashed: true },
    ),
    isTopFree
      ? svgText(x - 5, TOP + 6, label, { ...style, anchor: 'end' })
      : svgText(x - 5, BOTTOM - 6, label, style),
  ];
}

/** The finite values of one measure; what diverged is left out. */
export function pointsOf(records: readonly { step: number }[], key: string): Point[] {
  return records.flatMap((record): Point[] => {
    const value = (record as Record<string, number>)[key];
    return value !== undefined && Number.isFinite(value) ? [[record.step, value]] : [];
  });
}

/** The values of points, for a scale. */
export const valuesOf = ({ raw, train, valid }: Omit<Panel, 'scale'>): number[] =>
  [...raw, ...train, ...valid].map(([, value]) => value);

/** An exponential mean over about a twentieth of the points (50 at most), unbiased at the start. */
function smooth(points: Point[]): Point[] {
  const keep = 1 - 1 / Math.min(50, Math.max(1, points.length / 20));
  let sum = 0;
  let weight = 0;
  return points.map(([step, value]): Point => {
    sum = keep * sum + value;
    weight = keep * weight + 1;
    return [step, sum / weight];
  });
}
