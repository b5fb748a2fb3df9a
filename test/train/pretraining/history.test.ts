import { expect, it } from 'vitest';
import { parsePretrainHistory } from '../../../src/train/pretraining/history.ts';

it('has NaN again where JSON has null', () => {
  const of = { step: 1, epoch: 1 };
  const nan = Number.NaN;
  const history = {
    objective: 'mlm',
    steps: [{ ...of, learningRate: 0.1, loss: nan, gradNorm: nan }],
    evaluations: [{ ...of, trainLoss: nan, validLoss: nan, validPerplexity: nan }],
  };
  expect(parsePretrainHistory(JSON.parse(JSON.stringify(history)), 'h.json')).toEqual(history);
});
