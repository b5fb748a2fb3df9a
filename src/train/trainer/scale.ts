import { textWidth } from './svg.ts';

/** An axis: where values lie between its ends, and which are written beside it. */
export interface Scale {
  min: number;
  max: number;
  log: boolean;
  ticks: number[];
  format: (value: number) => string;
}

/** Share of the axis's length from its beginning. */
export function shareOf({ min, max, log }: Scale, value: number): number {
  if (log) return Math.log(value / min) / Math.log(max / min);
  return (value - min) / (max - min);
}

/** 1, 2 or 5 times a power of ten, about `span / count`. */
function roundStep(span: number, count: number): number {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Multiples of `step` from `min` to `max`. */
function multiples(min: number, max: number, step: number): number[] {
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** A number in few characters. */
export const formatTick = (value: number): string => {
  const text = String(Number(value.toPrecision(6)));
  return text.length <= 6 ? text : value.toExponential().replace('e+', 'e');
};

/** From 0 to a round number above the highest value. */
export function scaleFromZero(values: readonly number[]): Scale {
  const highest = values.reduce((most, value) => Math.max(most, value), 0) || 1;
  const step = roundStep(highest, 5);
  const max = Math.ceil(highest / step - 1e-9) * step;
  return { min: 0, max, log: false, ticks: multiples(0, max, step), format: formatTick };
}

/** Logarithmic, from a round number below the lowest value to one above the highest. */
export function logScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > 0);
  const lowest = positive.reduce((least, value) => Math.min(least, value), positive[0] ?? 1);
  const highest = positive.reduce((most, value) => Math.max(most, value), lowest);
  const powers = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const [from, to] = [Math.floor(Math.log10(lowest)), Math.floor(Math.log10(highest)) + 1];
  const factors = highest < 10 * lowest ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1, 2, 5];
  const all = powers(from, to).flatMap((power) => factors.map((factor) => factor * power));
  const min = all.filter((tick) => tick <= lowest * (1 + 1e-9)).at(-1)!;
  const max = all.find((tick) => tick > highest)!;
  const within = all.filter((tick) => tick >= min && tick <= max);
  const isPower = (tick: number) => Math.abs(Math.log10(tick) % 1) < 1e-9;
  const ticks = within.length > 8 ? within.filter(isPower) : within;
  const format = (value: number) => formatTick(Number(value.toPrecision(6)));
  return { min, max, log: true, ticks, format };
}

/** Up to 1, down to a round number below the lowest value. */
export function metricScale(values: readonly number[], asPercent: boolean): Scale {
  const lowest = values.reduce((least, value) => Math.min(least, value), 0.9);
  const step = lowest < 0.5 ? 0.2 : lowest < 0.8 ? 0.1 : 0.05;
  const min = Math.floor(lowest / step + 1e-9) * step;
  const format = (value: number) =>
    asPercent ? `${Math.round(100 * value)} %` : `${Number(value.toFixed(2))}`;
  return { min, max: 1, log: false, ticks: multiples(min, 1, step), format };
}

/** Exactly from `min` to `max`, with as many ticks as have room on `length` pixels. */
export function fittedScale(
  [min, max]: readonly [number, number],
  length: number,
  {
    format = formatTick,
    whole = false,
    size = 12,
  }: { format?: (value: number) => string; whole?: boolean; size?: number } = {},
): Scale {
  for (let count = 8; ; count--) {
    const rough = roundStep(max - min, count);
    const step = whole ? Math.max(1, Math.round(rough)) : rough;
    const ticks = multiples(min, max, step);
    const widest = ticks.reduce((most, tick) => Math.max(most, textWidth(format(tick), size)), 0);
    const hasRoom = (step / (max - min)) * length >= widest + 10;
    if (hasRoom || count === 1) return { min, max, log: false, ticks, format };
  }
}
