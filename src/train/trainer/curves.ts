import type { EChartsCoreOption } from 'echarts/core';
import { drawSvg, textColor, trainColor, validColor } from './svg.ts';

type Point = [step: number, value: number];

/** One measure. */
export interface Panel {
  name: string;
  /** The measure at each step, and training's and validation's at the end of each epoch. */
  raw: Point[];
  train: Point[];
  valid: Point[];
  /** Which end of the best epoch's line is labelled: the one away from the curves. */
  labelAt?: string;
  /** What the axis of its values has of its own. */
  scale: object;
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

const quietColor = '#777777';
const nameStyle = { nameLocation: 'middle', nameTextStyle: { fontSize: 13, color: textColor } };

/** Draws measures as one SVG picture. */
export const curvesPicture = (curves: Curves): Promise<string> =>
  drawSvg(chartOption(curves), PANEL_WIDTH * curves.panels.length, 490);

/** Width of a panel with its axes. */
const PANEL_WIDTH = 560;

function chartOption({
  title,
  summary,
  panels,
  lastStep,
  lastEpoch,
  best,
  validName,
}: Curves): EChartsCoreOption {
  // A long name of a file ends in an ellipsis, rather than beyond the picture.
  const fit = { width: PANEL_WIDTH * panels.length - 60, overflow: 'truncate' };
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif', color: textColor },
    title: {
      text: title,
      subtext: summary,
      left: 24,
      top: 14,
      textStyle: { fontSize: 18, fontWeight: 'bold', color: textColor, ...fit },
      subtextStyle: { fontSize: 13, color: quietColor, ...fit },
    },
    legend: {
      bottom: 12,
      itemGap: 28,
      data: legendOf(panels, validName),
      textStyle: { fontSize: 13, color: textColor },
    },
    grid: panels.map((_, index) => ({
      left: 76 + PANEL_WIDTH * index,
      top: 116,
      width: 456,
      height: 292,
    })),
    xAxis: panels.flatMap((_, index) => [
      stepAxis(index, lastStep),
      epochAxis(index, lastStep, lastEpoch),
    ]),
    yAxis: panels.map(valueAxis),
    series: panels.flatMap((panel, index) => seriesOf(panel, index, best, validName)),
  };
}

function stepAxis(gridIndex: number, lastStep: number) {
  return {
    ...nameStyle,
    type: 'value',
    gridIndex,
    name: 'step',
    nameGap: 28,
    min: 0,
    max: lastStep,
    minInterval: 1,
    axisLabel: { hideOverlap: true },
    splitLine: { show: false },
  };
}

/** The same steps, counted in epochs, along the top. */
function epochAxis(gridIndex: number, lastStep: number, last: Curves['lastEpoch']) {
  return {
    ...nameStyle,
    type: 'value',
    gridIndex,
    position: 'top',
    show: last !== undefined,
    name: 'epoch',
    nameGap: 26,
    min: 0,
    max: last ? (lastStep * last.epoch) / last.step : 1,
    minInterval: 1,
    axisLine: { show: true, onZero: false, lineStyle: { color: '#cccccc' } },
    axisTick: { show: true },
    axisLabel: {
      color: quietColor,
      hideOverlap: true,
      formatter: (value: number) => (Number.isInteger(value) ? `${value}` : ''),
    },
    splitLine: { show: last !== undefined, lineStyle: { color: '#f3f3f3' } },
  };
}

function valueAxis({ name, scale }: Panel, gridIndex: number) {
  return {
    ...nameStyle,
    type: 'value',
    gridIndex,
    name,
    nameGap: 48,
    splitLine: { lineStyle: { color: '#ececec' } },
    ...scale,
  };
}

/** Up to 1, down to a round number below the lowest point. */
export function metricScale({ raw, train, valid }: Omit<Panel, 'scale'>, asPercent: boolean) {
  const lowest = [...raw, ...train, ...valid].reduce(
    (least, [, value]) => Math.min(least, value),
    0.9,
  );
  const interval = lowest < 0.5 ? 0.2 : lowest < 0.8 ? 0.1 : 0.05;
  return {
    min: Math.floor(lowest / interval + 1e-9) * interval,
    max: 1,
    interval,
    axisLabel: {
      formatter: (value: number) =>
        asPercent ? `${Math.round(100 * value)} %` : `${Number(value.toFixed(2))}`,
    },
  };
}

const eachStep = 'train, each step';
const smoothed = 'train, smoothed';
const trainEpoch = 'train, by epoch';

function legendOf(panels: Panel[], validName: string) {
  const entries: { name: string; icon?: string }[] = [];
  if (panels.some(({ raw }) => raw.length > 0)) {
    const icon = 'path://M0,0H12V1H0Z';
    entries.push({ name: eachStep, icon }, { name: smoothed, icon });
  }
  if (panels.some(showsTrainEpochs)) entries.push({ name: trainEpoch });
  if (panels.some(({ valid }) => valid.length > 0)) entries.push({ name: validName });
  return entries;
}

/** The means of the epochs say nothing new where every step is drawn. */
function showsTrainEpochs({ raw, train }: Panel): boolean {
  return raw.length === 0 && train.length > 0;
}

function seriesOf(panel: Panel, index: number, best: Curves['best'], validName: string) {
  const { raw, train, valid } = panel;
  const line = {
    type: 'line',
    xAxisIndex: 2 * index,
    yAxisIndex: index,
    symbol: 'circle',
    symbolSize: 8,
  };
  const trainLine = {
    ...line,
    itemStyle: { color: trainColor },
    lineStyle: { color: trainColor, width: 2 },
  };
  // Few points are seen one by one (a single one makes no line).
  const symbol = raw.length <= 20 ? 'circle' : 'none';
  return [
    {
      ...trainLine,
      name: eachStep,
      data: raw,
      symbol: 'none',
      sampling: 'lttb',
      itemStyle: { color: trainColor, opacity: 0.35 },
      lineStyle: { color: trainColor, width: 1, opacity: 0.35 },
    },
    { ...trainLine, name: smoothed, data: smooth(raw), symbol, sampling: 'lttb' },
    { ...trainLine, name: trainEpoch, data: showsTrainEpochs(panel) ? train : [] },
    {
      ...line,
      name: validName,
      data: valid.map((value) => ({ value, symbolSize: value[0] === best?.step ? 13 : 8 })),
      itemStyle: { color: validColor },
      lineStyle: { color: validColor, width: 2 },
      markLine: best && bestLine(best, panel.labelAt),
      z: 3,
    },
  ];
}

function bestLine({ epoch, step }: NonNullable<Curves['best']>, position = 'insideEndTop') {
  return {
    silent: true,
    symbol: 'none',
    data: [{ xAxis: step }],
    lineStyle: { color: validColor, type: 'dashed', width: 1 },
    label: {
      formatter: `best: epoch ${epoch}`,
      position,
      rotate: 90,
      color: validColor,
      fontSize: 12,
    },
  };
}

/** The finite values of one measure; what diverged is left out. */
export function pointsOf(records: readonly { step: number }[], key: string): Point[] {
  return records.flatMap((record): Point[] => {
    const value = (record as Record<string, number>)[key];
    return value !== undefined && Number.isFinite(value) ? [[record.step, value]] : [];
  });
}

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
