import type { EChartsCoreOption } from 'echarts/core';

export const trainColor = '#2f6db5';
export const validColor = '#d9731a';
export const textColor = '#333333';

/** Draws a line chart as SVG. `width` and `height` are in pixels. */
export async function drawSvg(
  option: EChartsCoreOption,
  width: number,
  height: number,
): Promise<string> {
  // Loaded here, so that only callers that draw pay for it.
  const [core, charts, components, renderers] = await Promise.all([
    import('echarts/core'),
    import('echarts/charts'),
    import('echarts/components'),
    import('echarts/renderers'),
  ]);
  core.use([
    charts.LineChart,
    components.GridComponent,
    components.LegendComponent,
    components.MarkLineComponent,
    components.TitleComponent,
    renderers.SVGRenderer,
  ]);
  const chart = core.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
