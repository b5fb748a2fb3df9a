import { formatMetric, type Metric, metricKey, metricNames } from '../tasks/metric.ts';
import { type Curves, curvesPicture, pointsOf, valuesOf } from './curves.ts';
import type { EpochRecord, History } from './history.ts';
import { metricScale, scaleFromZero } from './scale.ts';

/**
 * Draws a history as one SVG picture: loss on the left, the monitored metric on the right, both for
 * training and validation, over steps (below) and epochs (above). The best epoch is marked.
 * @example
 * await writeFile('history.svg', await historyPicture(history));
 */
export const historyPicture = (history: History, title = 'Training history'): string =>
  curvesPicture(historyCurves(history, title));

/** What the picture of a history shows. */
export function historyCurves(history: History, title: string): Curves {
  const { monitor, steps, epochs, bestEpoch } = history;
  const loss = {
    name: 'loss',
    raw: pointsOf(steps, 'loss'),
    train: pointsOf(epochs, 'trainLoss'),
    valid: pointsOf(epochs, 'validLoss'),
  };
  const metric = {
    name: metricNames[monitor],
    raw: pointsOf(steps, monitor),
    train: pointsOf(epochs, metricKey('train', monitor)),
    valid: pointsOf(epochs, metricKey('valid', monitor)),
  };
  return {
    title,
    summary: summaryOf(epochs, bestEpoch, monitor),
    panels: [
      { ...loss, scale: scaleFromZero(valuesOf(loss)) },
      ...(monitor === 'loss'
        ? []
        : [{ ...metric, scale: metricScale(valuesOf(metric), monitor === 'accuracy') }]),
    ],
    lastStep: Math.max(1, steps.at(-1)?.step ?? 0, epochs.at(-1)?.step ?? 0),
    lastEpoch: epochs.at(-1),
    best: bestEpoch,
    validName: 'validation, by epoch',
  };
}

function summaryOf(
  epochs: readonly EpochRecord[],
  best: EpochRecord | undefined,
  metric: Metric,
): string {
  const shown = best ?? epochs.at(-1);
  if (shown === undefined) return 'no epoch finished';
  const { epoch, trainLoss, validLoss } = shown;
  const value = shown[metricKey('valid', metric)];
  const parts = [`${best ? 'best epoch' : 'epoch'} ${epoch} of ${epochs.at(-1)?.epoch}`];
  parts.push(`train loss ${trainLoss.toFixed(3)}`);
  if (validLoss !== undefined) parts.push(`validation loss ${validLoss.toFixed(3)}`);
  if (value !== undefined && metric !== 'loss')
    parts.push(`validation ${metricNames[metric]} ${formatMetric(metric, value)}`);
  return parts.join('  ·  ');
}
