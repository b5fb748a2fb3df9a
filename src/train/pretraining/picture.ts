import { curvesPicture, metricScale, type Panel, pointsOf } from '../trainer/curves.ts';
import type { PretrainHistory } from './history.ts';

/**
 * Draws a pre-training as one SVG picture: loss, and on held-out text perplexity and accuracy, over
 * the steps.
 * @example
 * await writeFile('history.svg', await pretrainPicture(history));
 */
export function pretrainPicture(
  { steps, evaluations }: PretrainHistory,
  title: string,
): Promise<string> {
  const measured = (name: string, key: string) => ({
    name,
    raw: [],
    train: [],
    valid: pointsOf(evaluations, key),
  });
  const loss: Panel = {
    ...measured('loss', 'validLoss'),
    raw: pointsOf(steps, 'loss'),
    scale: { min: 0 },
  };
  const perplexity: Panel = {
    ...measured('perplexity', 'validPerplexity'),
    scale: { type: 'log' },
  };
  const accuracy = measured('next sentence accuracy', 'validAccuracy');
  const all = [loss, perplexity, { ...accuracy, scale: metricScale(accuracy, true) }];
  const last = evaluations.at(-1);
  const parts = [`${steps.length} steps`];
  if (last) parts.push(`validation loss ${last.validLoss.toFixed(3)}`);
  if (last?.validPerplexity !== undefined)
    parts.push(`perplexity ${last.validPerplexity.toFixed(1)}`);
  if (last?.validAccuracy !== undefined)
    parts.push(`next sentence accuracy ${(100 * last.validAccuracy).toFixed(1)} %`);
  return curvesPicture({
    title,
    summary: parts.join('  ·  '),
    panels: all.filter(({ raw, valid }) => raw.length + valid.length > 0),
    lastStep: Math.max(1, steps.length),
    validName: 'validation',
  });
}
