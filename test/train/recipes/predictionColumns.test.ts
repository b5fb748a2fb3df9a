import { expect, it } from 'vitest';
import { predictionColumns } from '../../../src/train/recipes/predictionColumns.ts';

it.each([
  [['x', 'y'], 'x,y'],
  [['x, y', 'z'], '["x, y","z"]'],
  [['[x]'], '["[x]"]'],
])('several labels in a cell can be read back: %j', (labels, cell) => {
  const columns = predictionColumns('multi-label', 'cells', labels, undefined, []);
  const scores = Object.fromEntries(labels.map((label) => [label, 0.9]));
  const [[first]] = columns.values({
    task: 'multi-label',
    predictions: [{ labels, scores }],
  } as never);
  expect(first).toBe(cell);
});
