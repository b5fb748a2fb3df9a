import type { EChartsCoreOption } from 'echarts/core';
import { drawSvg, textColor, trainColor, validColor } from '../train/trainer/svg.ts';
import type { Summary } from './summary.ts';

/** Of a panel, and of what stands left of the first: the methods' names. */
const PANEL = 360;
const NAMES = 270;
const ROW = 34;

/**
 * Draws a study as one SVG picture: a panel for each size, a row for each method, a dot for each
 * seed, a diamond at their mean.
 */
export function studyPicture({ sizes, methods }: Summary): Promise<string> {
  const height = 110 + ROW * methods.length;
  const all = methods.flatMap(({ accuracy }) => accuracy.flatMap(({ values }) => values));
  const min = Math.max(0, Math.floor(20 * Math.min(...all, 0.95) - 0.2) / 20);
  const max = Math.min(1, Math.ceil(20 * Math.max(...all, 0.05) + 0.2) / 20);
  const option: EChartsCoreOption = {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif', color: textColor },
    legend: { bottom: 8, data: ['a seed', 'mean'] },
    grid: sizes.map((_, i) => ({
      left: NAMES + PANEL * i,
      top: 46,
      width: PANEL - 50,
      height: ROW * methods.length,
    })),
    title: sizes.map((size, i) => ({
      text: `${size.toLocaleString('en')} labelled rows`,
      left: NAMES + PANEL * i,
      top: 14,
      textStyle: { fontSize: 14, color: textColor },
    })),
    xAxis: sizes.map((_, gridIndex) => ({
      type: 'value',
      gridIndex,
      min,
      max,
      axisLabel: {
        formatter: (value: number) => `${Math.round(100 * value)} %`,
        hideOverlap: true,
      },
      splitLine: { lineStyle: { color: '#ececec' } },
    })),
    yAxis: sizes.map((_, gridIndex) => ({
      type: 'category',
      gridIndex,
      inverse: true,
      data: methods.map(({ title }) => title),
      axisTick: { show: false },
      axisLabel: { show: gridIndex === 0, color: textColor, fontSize: 13 },
      splitLine: { show: true, lineStyle: { color: '#f3f3f3' } },
    })),
    series: sizes.flatMap((_, i) => {
      const points = (
        name: string,
        symbol: string,
        color: string,
        of: (method: Summary['methods'][number]) => number[],
      ) => ({
        type: 'line',
        name,
        xAxisIndex: i,
        yAxisIndex: i,
        symbol,
        symbolSize: 9,
        lineStyle: { width: 0 },
        itemStyle: { color, opacity: 0.75 },
        data: methods.flatMap((method, row) => of(method).map((value) => [value, row])),
      });
      return [
        points('a seed', 'circle', trainColor, ({ accuracy }) => accuracy[i].values),
        points('mean', 'diamond', validColor, ({ accuracy }) =>
          [accuracy[i].mean].filter(Number.isFinite),
        ),
      ];
    }),
  };
  return drawSvg(option, NAMES + PANEL * sizes.length, height);
}
