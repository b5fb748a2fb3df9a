import { expect, it } from 'vitest';
import type { InputTable } from '../../../src/train/recipes/inputTable.ts';
import { predictionWriter } from '../../../src/train/recipes/predictionWriter.ts';
import type { PredictResult } from '../../../src/train/recipes/predictor.ts';

const table = { name: 'a', format: 'csv', columns: ['text'], duplicateColumns: [] } as never;

it('labels with commas can be read back from a cell', () => {
  const labels = ['a', 'b, c'];
  const writer = predictionWriter('csv', table as InputTable, {
    ...{ task: 'multi-label', labels, taken: ['text'] },
  });
  const line = (given: string[]) =>
    writer.write([{ line: 2, values: ['x'], input: 'x' }], {
      predictions: [{ labels: given, scores: { a: 1, 'b, c': 1 } }],
    } as unknown as PredictResult);
  expect(line(['a'])).toMatch(/^x,a,/);
  expect(line(labels)).toMatch(/^x,"\[""a"",""b, c""\]",/);
});

it('answers by id are refused where an id occurs twice', () => {
  const writer = predictionWriter('json', table as InputTable, {
    ...{ task: 'question-answering', labels: [], taken: [] },
  });
  const write = (line: number) =>
    writer.write([{ line, values: [], input: { id: '0' } as never }], {
      predictions: [{ answer: 'c' }],
    } as unknown as PredictResult);
  expect(write(1)).toBe('"0": "c"');
  expect(() => write(9)).toThrow('line 9: the id "0" occurs twice');
});
