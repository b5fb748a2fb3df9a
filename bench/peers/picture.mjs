/** Draws the ratios as one SVG picture: a panel per work, a bar per peer after the first. */
import { BarChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
} from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { adapterOf, showRatio, showTime } from './report.mjs';

use([BarChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

const kinds = [
  { name: 'WebGPU', isGpu: true, color: '#2f6db5' },
  { name: 'CPU, without WebGPU', isGpu: false, color: '#a9b4c0' },
];
const textColor = '#333333';
const quietColor = '#777777';
const lineColor = '#e6e6e6';

// Pixels. Names stand left of each row of panels.
const names = 240;
const panelWidth = 262;
const gapX = 24;
const gapY = 84;
const barHeight = 19;
const figureWidth = 50;
const header = 172;
const perRow = 3;

export async function drawPicture(summary) {
  const [reference, ...others] = summary.peers;
  const panels = summary.works.map((work) => panelOf(work, reference, others, summary.cells));
  const columns = Math.min(perRow, panels.length);
  const panelHeight = others.length * barHeight;
  const width = names + columns * (panelWidth + gapX) + 6;
  const height = header + Math.ceil(panels.length / columns) * (panelHeight + gapY) - gapY + 40;
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(optionOf(summary, reference, others, placed(panels, columns, panelHeight)));
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** A work's title, the reference's time and the others' ratios as powers of ten (or null). */
function panelOf({ name, title }, reference, others, cells) {
  const find = (peer) => cells.find((cell) => cell.work === name && cell.peer === peer.name);
  const { smallest } = find(reference);
  const powers = others
    .map((peer) => find(peer).ratio)
    .map((ratio) => (ratio === null ? null : Math.log10(ratio)));
  return {
    title,
    time: smallest === null ? 'not measured' : `${reference.title} ${showTime(smallest)} ms`,
    powers,
  };
}

function placed(panels, columns, height) {
  return panels.map((panel, i) => ({
    ...panel,
    left: names + (i % columns) * (panelWidth + gapX),
    top: header + Math.floor(i / columns) * (height + gapY),
    height,
    isFirst: i % columns === 0,
  }));
}

function optionOf(summary, reference, others, panels) {
  const range = rangeOf(panels.flatMap((panel) => panel.powers.filter((power) => power !== null)));
  const small = { fontSize: 13, color: quietColor, fontWeight: 'normal', lineHeight: 18 };
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif', color: textColor },
    title: [
      {
        text: `Time taken, relative to ${reference.title} on ${reference.path}`,
        subtext: [
          `right of 1×: slower than ${reference.title}, left: faster`,
          ` · smallest of ${summary.rounds}, float32, log scale\n${adapterOf(summary)}`,
        ].join(''),
        left: 16,
        top: 10,
        textStyle: { fontSize: 19, fontWeight: 'bold', color: textColor },
        subtextStyle: small,
      },
      ...panels.map(({ title, time, left, top }) => ({
        text: `${title}\n{time|${time}}`,
        left,
        top: top - 44,
        padding: 0,
        textStyle: { fontSize: 13, lineHeight: 18, color: textColor, rich: { time: small } },
      })),
    ],
    legend: {
      left: 14,
      top: 80,
      itemGap: 40,
      selectedMode: false,
      textStyle: { fontSize: 13, color: textColor },
    },
    grid: panels.map(({ left, top, height }) => ({ left, top, height, width: panelWidth })),
    xAxis: panels.map((_, gridIndex) => ratioAxis(gridIndex, range)),
    yAxis: panels.map(({ isFirst }, gridIndex) => peerAxis(gridIndex, others, isFirst)),
    series: panels.flatMap((panel, i) => kinds.map((kind) => bars(panel, i, others, kind, range))),
  };
}

/** The range of all powers and 1×, with room for the figures beside the longest bars. */
function rangeOf(powers) {
  const [least, most] = [Math.min(-0.1, ...powers), Math.max(0.1, ...powers)];
  const decadesPerPixel = (most - least) / (panelWidth - 2 * figureWidth);
  return { min: least - figureWidth * decadesPerPixel, max: most + figureWidth * decadesPerPixel };
}

function ratioAxis(gridIndex, range) {
  return {
    type: 'value',
    gridIndex,
    ...range,
    axisLabel: {
      customValues: wholePowers(range),
      color: quietColor,
      formatter: (power) => `${Number(`1e${power}`)}×`,
    },
    axisTick: { show: false },
    splitLine: { show: false },
  };
}

/** The powers of ten that the axis shows. */
function wholePowers({ min, max }) {
  const first = Math.ceil(min);
  return Array.from({ length: Math.floor(max) - first + 1 }, (_, i) => first + i);
}

function peerAxis(gridIndex, others, isFirst) {
  return {
    type: 'category',
    gridIndex,
    inverse: true,
    data: others.map(({ title, path }) => `${title}, ${path}`),
    axisLabel: { show: isFirst, interval: 0, fontSize: 13, color: textColor },
    axisLine: { show: false },
    axisTick: { show: false },
  };
}

/** The bars of one kind in one panel; the others' rows stay empty. */
function bars({ powers }, index, others, { name, isGpu, color }, range) {
  const data = powers.map((power, i) => {
    if ((others[i].path === 'WebGPU') !== isGpu) return null;
    const formatter = power === null ? '–' : showRatio(10 ** power);
    return { value: power ?? 0, label: { position: power < 0 ? 'left' : 'right', formatter } };
  });
  return {
    type: 'bar',
    name,
    xAxisIndex: index,
    yAxisIndex: index,
    data,
    barWidth: barHeight - 5,
    barGap: '-100%',
    itemStyle: { color },
    label: { show: true, fontSize: 12, color: textColor },
    // The axis's lines, behind the bars. The line at 1×, where bars start, is dark.
    markLine: isGpu && {
      silent: true,
      symbol: 'none',
      z: 0,
      label: { show: false },
      data: wholePowers(range).map((power) => ({
        xAxis: power,
        lineStyle: { type: 'solid', width: 1, color: power === 0 ? textColor : lineColor },
      })),
    },
  };
}
