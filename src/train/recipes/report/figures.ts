/** How the page writes figures. */
import { formatPercent } from '../../../platform/format.ts';
import { metricNames } from '../../tasks/metric.ts';
import type { TaskName } from '../../tasks/task.ts';

const titles: Readonly<Record<string, string>> = {
  ...metricNames,
  macroF1: 'macro F1',
  weightedF1: 'weighted F1',
  matthews: 'Matthews correlation',
};
const shares = ['accuracy', 'exactMatch'];

/** The name of a metric of a task for people. */
export const metricTitle = (name: string, task?: TaskName): string =>
  name === 'exactMatch' && task === 'multi-label' ? 'all labels right' : (titles[name] ?? name);

export const percent = (value: number): string =>
  Number.isFinite(value) ? formatPercent(value) : 'undefined';

/** The value of a metric: in percent where people count so. */
export const metricValue = (name: string, value: number): string =>
  shares.includes(name) ? percent(value) : decimal(value);

/** Four decimals. */
export const decimal = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(4) : 'undefined';

export const whole = (value: number): string => value.toLocaleString('en');

/** `1 text`, `2,000 texts`. */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${whole(count)} ${count === 1 ? one : several}`;

/** A time: `12.3 s`, `4 min 5 s` or `2 h 3 min`. */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const all = Math.round(seconds);
  if (all < 3600) return `${Math.floor(all / 60)} min ${all % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The last part of a path. */
export const fileName = (path: string): string => path.split(/[/\\]/).at(-1) || path;
