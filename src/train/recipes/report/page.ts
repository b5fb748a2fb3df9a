/** The page of a run. */

import type { PretrainHistory } from '../../pretraining/history.ts';
import { pretrainCurves } from '../../pretraining/picture.ts';
import { metricKey, metricNames } from '../../tasks/metric.ts';
import {
  type Curves,
  legendOf,
  type Panel,
  panelPicture,
  pointsOf,
  valuesOf,
} from '../../trainer/curves.ts';
import type { History } from '../../trainer/history.ts';
import { historyCurves } from '../../trainer/picture.ts';
import { scaleFromZero } from '../../trainer/scale.ts';
import { validColor } from '../../trainer/svg.ts';
import { counted, decimal, duration, fileName, metricValue, whole } from './figures.ts';
import { given, type Html, html, picture, section } from './html.ts';
import { resultParts } from './results.ts';
import type { RunReport } from './runReport.ts';
import { dataPart, setupPart, timePart } from './setup.ts';
import { style } from './style.ts';

/** A run and how it went. */
export type ReportedRun =
  | { kind: 'train'; report: RunReport; history: History }
  | { kind: 'pretrain'; report: RunReport; history: PretrainHistory };

/** One file that shows a run and needs no other: no network, no script. */
export function reportPage(run: ReportedRun): string {
  const { report } = run;
  const what = report.kind === 'train' ? report.task! : `pre-training (${objectiveOf(run)})`;
  const name = report.data.train.map(fileName).join(', ');
  const title = `${name}: ${what}`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${style}</style></head>
<body><main>
<header><h1>${given(name, 200)}</h1><p>${what} · ${startOf(report)}</p>
<dl class="figures">${figuresOf(run).map(
    ([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>\n`,
  )}</dl></header>
${curvesPart(run)}
${resultParts(report)}
${dataPart(report)}
${timePart(report)}
${setupPart(report)}
<footer>Made from report.json and history.json; <code>wigbert report</code> makes it again.</footer>
</main></body></html>
`.text;
}

const objectiveOf = (run: ReportedRun): string =>
  run.kind === 'pretrain' ? run.history.objective : '';

/** What the model was before. */
function startOf({ model, settings }: RunReport): Html {
  const from = settings.model;
  return typeof from === 'string'
    ? html`${given(from, 200)} (${model.architecture})`
    : html`a fresh ${model.architecture}, ${counted(model.layers, 'layer')} × ${model.hiddenSize}`;
}

/** The figures that people look for first. */
function figuresOf(run: ReportedRun): [string, string][] {
  const { time } = run.report;
  const last: [string, string][] = [
    ['steps', whole(run.history.steps.length)],
    ['time', duration(time.seconds)],
  ];
  return [...(run.kind === 'train' ? fineTuningFigures(run) : pretrainingFigures(run)), ...last];
}

function fineTuningFigures({ report, history }: ReportedRun & { kind: 'train' }) {
  const { monitor, epochs, bestEpoch } = history;
  const shown = bestEpoch ?? epochs.at(-1);
  const value = shown?.[metricKey('valid', monitor)];
  const figures: [string, string][] = [];
  if (value !== undefined)
    figures.push([`validation ${metricNames[monitor]}`, metricValue(monitor, value)]);
  if (shown?.validLoss !== undefined) figures.push(['validation loss', decimal(shown.validLoss)]);
  const { calibration } = report.evaluation ?? {};
  if (calibration) figures.push(['calibration error', decimal(calibration.error)]);
  if (shown) figures.push(['best epoch', `${shown.epoch} of ${epochs.at(-1)!.epoch}`]);
  return figures;
}

function pretrainingFigures({ history }: ReportedRun & { kind: 'pretrain' }) {
  const last = history.evaluations.at(-1);
  const figures: [string, string][] = [];
  if (last?.validPerplexity !== undefined)
    figures.push(['validation perplexity', last.validPerplexity.toFixed(2)]);
  if (last) figures.push(['validation loss', decimal(last.validLoss)]);
  if (last?.validAccuracy !== undefined)
    figures.push(['next sentence accuracy', metricValue('accuracy', last.validAccuracy)]);
  return figures;
}

/** Loss, metrics and learning rate by step. */
function curvesPart(run: ReportedRun): Html {
  const title = 'Curves';
  const curves =
    run.kind === 'train' ? historyCurves(run.history, title) : pretrainCurves(run.history, title);
  const rate = {
    name: 'learning rate',
    ...{ raw: pointsOf(run.history.steps, 'learningRate'), train: [], valid: [] },
  };
  const rates: Panel = { ...rate, scale: scaleFromZero(valuesOf(rate)), exact: true };
  const all = [...curves.panels, rates];
  return section(
    title,
    html`<div class="row">${all.map(
      (panel) => html`<figure>${picture(panelPicture(panel, curves))}</figure>\n`,
    )}</div>${legend(curves)}`,
  );
}

function legend(curves: Curves): Html {
  return html`<ul class="legend">${legendOf(curves).map(({ name, color, opacity }) => {
    const variable = color === validColor ? '--valid' : '--train';
    return html`<li><i style="border-color: var(${variable}); opacity: ${opacity ?? 1}"></i>${name}
</li>`;
  })}</ul>`;
}
