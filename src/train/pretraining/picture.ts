import { type Curves, curvesPicture, pointsOf, valuesOf } from '../trainer/curves.ts';
import { logScale, metricScale, scaleFromZero } from '../trainer/scale.ts';
import type { PretrainHistory } from './history.ts';

/**
 * Draws a pre-training as one SVG picture: loss, and on held-out text perplexity and accuracy, over
 * the steps.
 * @example
 * await writeFile('history.svg', await pretrainPicture(history));
 */
export const pretrainPicture = (history: PretrainHistory, title: string): string =>
  curvesPicture(pretrainCurves(history, title));

/** What the picture of a pre-training shows. */
export function pretrainCurves({ steps, evaluations }: PretrainHistory, title: string): Curves {
  const measured = (name: string, key: string) => ({
    name,
    raw: [],
    train: [],
    valid: pointsOf(evaluations, key),
  });
  const loss = { ...measured('loss', 'validLoss'), raw: pointsOf(steps, 'loss') };
  const perplexity = measured('perplexity', 'validPerplexity');
  const accuracy = measured('next sentence accuracy', 'validAccuracy');
  const all = [
    { ...loss, scale: scaleFromZero(valuesOf(loss)) },
    { ...perplexity, scale: logScale(valuesOf(perplexity)) },
    { ...accuracy, scale: metricScale(valuesOf(accuracy), true) },
  ];
  const last = evaluations.at(-1);
  const parts = [`${steps.length} steps`];
  if (last) parts.push(`validation loss ${last.validLoss.toFixed(3)}`);
  if (last?.validPerplexity !== undefined)
    parts.push(`perplexity ${last.validPerplexity.toFixed(1)}`);
  if (last?.validAccuracy !== undefined)
    parts.push(`next sentence accuracy ${(100 * last.validAccuracy).toFixed(1)} %`);
  return {
    title,
    summary: parts.join('  ·  '),
    panels: all.filter(({ raw, valid }) => raw.length + valid.length > 0),
    lastStep: Math.max(1, steps.length),
    validName: 'validation',
  };
}
