/** Diagrams of the page, drawn to be read on a narrow one too. */
import type { CalibrationBin } from '../../metrics/calibration.ts';
import { type Frame, horizontalAxis, placeIn, valueAxis } from '../../trainer/axes.ts';
import { fittedScale, formatTick, type Scale, scaleFromZero } from '../../trainer/scale.ts';
import { quietColor, svgDocument, svgLine, svgPoint, trainColor } from '../../trainer/svg.ts';

type Point = readonly [number, number];

const FRAME: Frame = { left: 72, top: 14, width: 300, height: 230 };
const [WIDTH, HEIGHT] = [402, 294];

const percents: Scale = {
  min: 0,
  max: 1,
  log: false,
  ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
  format: (value) => `${Math.round(100 * value)} %`,
};

const number = (value: number): string => String(Math.round(value * 100) / 100);

/** A bar from the floor of a frame, or from another height. */
function bar([left, low]: Point, [right, high]: Point, color: string, opacity = 1): string {
  const y = Math.min(low, high);
  const height = Math.abs(high - low);
  return (
    `<rect x="${number(left + 0.5)}" y="${number(y)}" width="${number(right - left - 1)}" ` +
    `height="${number(height)}" fill="${color}" fill-opacity="${opacity}"/>`
  );
}

/** The share of right predictions by their probability; on the diagonal, the two are equal. */
export function calibrationPicture(bins: readonly CalibrationBin[], title: string): string {
  const place = placeIn(FRAME, percents, percents);
  const filled = bins.filter(({ count }) => count > 0);
  return svgDocument(WIDTH, HEIGHT, title, [
    ...valueAxis('share that is right', percents, FRAME),
    ...horizontalAxis('probability', percents, FRAME),
    ...filled.map(({ lower, upper, accuracy }) =>
      bar(place([lower, 0]), place([upper, accuracy]), trainColor, 0.75),
    ),
    svgLine([place([0, 0]), place([1, 1])], { color: quietColor, dashed: true, width: 1.5 }),
  ]);
}

/** True against predicted scores; on the diagonal, the two are equal. */
export function scatterPicture(points: readonly Point[], title: string): string {
  const values = points.flat().filter(Number.isFinite);
  const low = values.reduce((least, value) => Math.min(least, value), values[0]);
  const high = values.reduce((most, value) => Math.max(most, value), values[0]);
  const margin = 0.04 * (high - low) || 1;
  const ends = [low - margin, high + margin] as const;
  const scale = fittedScale(ends, FRAME.width, { format: formatTick });
  const place = placeIn(FRAME, scale, scale);
  return svgDocument(WIDTH, HEIGHT, title, [
    ...valueAxis('predicted score', scale, FRAME),
    ...horizontalAxis('true score', scale, FRAME),
    svgLine([place([ends[0], ends[0]]), place([ends[1], ends[1]])], {
      ...{ color: quietColor, dashed: true, width: 1.5 },
    }),
    '<g fill-opacity="0.55">',
    ...points.map((point) => svgPoint(place(point), { size: 6, color: trainColor })),
    '</g>',
  ]);
}

/** How many texts have which length. */
export function lengthsPicture(
  { width, counts }: { width: number; counts: readonly number[] },
  title: string,
): string {
  const tokens = fittedScale([0, width * counts.length], FRAME.width, { whole: true });
  const texts = scaleFromZero(counts);
  const place = placeIn(FRAME, tokens, texts);
  return svgDocument(WIDTH, HEIGHT, title, [
    ...valueAxis('texts', texts, FRAME),
    ...horizontalAxis('length in tokens', tokens, FRAME),
    ...counts.map((count, i) =>
      count === 0
        ? ''
        : bar(place([i * width, 0]), place([(i + 1) * width, count]), trainColor, 0.75),
    ),
  ]);
}
