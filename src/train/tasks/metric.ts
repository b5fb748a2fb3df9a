import { formatPercent } from '../../platform/format.ts';

/** Measures that training keeps a history of, under the names people know them by. */
export const metricNames = {
  loss: 'loss',
  accuracy: 'accuracy',
  microF1: 'micro F1',
  f1: 'F1',
  spearman: 'Spearman',
  pearson: 'Pearson',
  exactMatch: 'exact match',
} as const;

export type Metric = keyof typeof metricNames;

export const metrics = Object.keys(metricNames) as Metric[];

/** Percent where people count in percent. */
export function formatMetric(metric: Metric, value: number): string {
  if (Number.isNaN(value)) return 'undefined';
  return metric === 'accuracy' || metric === 'exactMatch' ? formatPercent(value) : value.toFixed(3);
}

/** A metric's key in the records of a history: `validMicroF1`. */
export const metricKey = <P extends 'train' | 'valid', M extends Metric>(
  part: P,
  metric: M,
): `${P}${Capitalize<M>}` =>
  `${part}${metric[0].toUpperCase()}${metric.slice(1)}` as `${P}${Capitalize<M>}`;
