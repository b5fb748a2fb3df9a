import { type Frame, horizontalAxis, placeIn, valueAxis } from './axes.ts';
import { fittedScale, type Scale } from './scale.ts';
import {
  type LegendEntry,
  quietColor,
  svgDocument,
  svgLegend,
  svgLine,
  svgPoint,
  svgText,
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
  /** Whether each step is drawn as it is, rather than smoothed. */
  exact?: boolean;
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
const FRAME: Frame = { left: 76, top: 116, width: 456, height: 292 };

/** Draws measures as one SVG picture. */
export function curvesPicture(curves: Curves): string {
  const { title, summary, panels } = curves;
  const width = PANEL_WIDTH * panels.length;
  // A long name of a file ends in an ellipsis, rather than beyond the picture.
  const fit = { width: width - 48 };
  return svgDocument(width, HEIGHT, title, [
    svgText(24, 34, title, { size: 18, bold: true, ...fit }),
    svgText(24, 58, summary, { size: 13, color: quietColor, ...fit }),
    ...panels.flatMap((panel, index) =>
      drawPanel(panel, { ...FRAME, left: FRAME.left + PANEL_WIDTH * index }, curves),
    ),
    ...svgLegend(width / 2, HEIGHT - 18, legendOf(curves)),
  ]);
}

/** Draws one measure as an SVG picture for a narrow page, without a legend. */
export function panelPicture(panel: Panel, curves: Curves): string {
  const frame = { left: 76, top: 50, width: 340, height: 200 };
  return svgDocument(430, 294, panel.name, drawPanel(panel, frame, curves));
}

function drawPanel(panel: Panel, frame: Frame, curves: Curves): string[] {
  const { scale, raw, train, valid } = panel;
  const steps = fittedScale([0, curves.lastStep], frame.width, { whole: true });
  const place = placeIn(frame, steps, scale);
  const [trainPlaces, validPlaces] = [train.map(place), valid.map(place)];
  const smoothed = (panel.exact ? raw : smooth(raw)).map(place);
  const line = { color: trainColor, width: 2 };
  const points = (places: Point[], color: string) =>
    places.map((each) => svgPoint(each, { size: 8, color }));
  const { best } = curves;
  return [
    ...valueAxis(panel.name, scale, frame),
    ...horizontalAxis('step', steps, frame),
    ...epochAxis(curves, frame),
    svgLine(thinOut(raw.map(place)), { color: trainColor, opacity: 0.35 }),
    svgLine(thinOut(smoothed), line),
    // Few points are seen one by one (a single one makes no line).
    ...(raw.length <= 20 ? points(smoothed, trainColor) : []),
    ...(showsTrainEpochs(panel)
      ? [svgLine(trainPlaces, line), ...points(trainPlaces, line.color)]
      : []),
    ...(best
      ? bestLine(best, place([best.step, scale.min])[0], frame, [...smoothed, ...validPlaces])
      : []),
    svgLine(validPlaces, { color: validColor, width: 2 }),
    ...validPlaces.map((each, i) =>
      svgPoint(each, { size: valid[i][0] === best?.step ? 13 : 8, color: validColor }),
    ),
  ].filter((part) => part !== '');
}

/** The same steps, counted in epochs, along the top. */
function epochAxis({ lastStep, lastEpoch: last }: Curves, frame: Frame): string[] {
  if (!last) return [];
  const end = (lastStep * last.epoch) / last.step;
  const epochs = fittedScale([0, end], frame.width, { whole: true });
  return horizontalAxis('epoch', epochs, frame, 'above');
}

const eachStep = 'train, each step';
const smoothedName = 'train, smoothed';
const trainEpoch = 'train, by epoch';

/** What the lines of a picture mean. */
export function legendOf({ panels, validName }: Curves): LegendEntry[] {
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
function bestLine(
  { epoch }: { epoch: number },
  x: number,
  { top, height }: Frame,
  places: readonly Point[],
): string[] {
  const label = `best: epoch ${epoch}`;
  const length = textWidth(label, 12) + 8;
  const near = places.filter(([other]) => other <= x + 2 && other >= x - 20);
  const isTopFree = near.every(([, y]) => y > top + length);
  const style = { color: validColor, upright: true, rim: true } as const;
  return [
    svgLine(
      [
        [x, top],
        [x, top + height],
      ],
      { color: validColor, dashed: true },
    ),
    isTopFree
      ? svgText(x - 5, top + 6, label, { ...style, anchor: 'end' })
      : svgText(x - 5, top + height - 6, label, style),
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
