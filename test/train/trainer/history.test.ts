import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { type EpochRecord, History, type StepRecord } from '../../../src/train/trainer/history.ts';
import { historyPicture } from '../../../src/train/trainer/picture.ts';

/** A made-up run; the best epoch is the one before the last. */
function makeHistory(epochs: number, stepsPerEpoch: number): History {
  const log = { steps: [] as StepRecord[], evaluations: [] as EpochRecord[] };
  for (let step = 1; step <= epochs * stepsPerEpoch; step++)
    log.steps.push({
      step,
      epoch: Math.ceil(step / stepsPerEpoch),
      loss: 0.7 / Math.sqrt(step) + 0.05 * (step % 3),
      accuracy: 1 - 0.4 / step,
      learningRate: 1e-4,
      gradNorm: 1.5,
    });
  for (let epoch = 1; epoch <= epochs; epoch++)
    log.evaluations.push({
      epoch,
      step: epoch * stepsPerEpoch,
      trainLoss: 0.6 / epoch,
      trainAccuracy: 0.7,
      validLoss: 0.5 / epoch,
      validAccuracy: 0.8125,
      best: epoch === Math.max(1, epochs - 1),
    });
  return new History('accuracy', log);
}

describe('History', () => {
  it('goes to JSON and back', () => {
    const history = makeHistory(2, 3);
    const back = History.fromJSON(JSON.stringify(history));
    expect(back).toBeInstanceOf(History);
    expect(back.steps).toEqual(history.steps);
    expect(back.epochs).toEqual(history.epochs);
    expect(back.steps).toHaveLength(6);
  });

  it('keeps one best epoch', () => {
    const history = makeHistory(4, 2);
    expect(history.epochs.map(({ best }) => best)).toEqual([false, false, true, false]);
    expect(history.bestEpoch?.epoch).toBe(3);
    expect(new History().bestEpoch).toBeUndefined();
  });

  it('reads a loss that diverged as NaN', () => {
    const step = { step: 1, epoch: 1, loss: Number.NaN, learningRate: 1, gradNorm: 1 };
    const history = new History('accuracy', { steps: [step], evaluations: [] });
    expect(History.fromJSON(JSON.stringify(history)).steps[0].loss).toBeNaN();
  });

  it.each([
    ['{"steps":[]', 'h.json: expected JSON'],
    ['{"steps":[]}', 'h.json is not a history: epochs: '],
    ['{"steps":[{"step":0}],"epochs":[]}', 'h.json is not a history: steps.0.step: '],
    ['[]', 'h.json is not a history'],
  ])('says what is wrong with %s', (text, message) => {
    expect(() => History.fromJSON(text, 'h.json')).toThrow(UsageError);
    expect(() => History.fromJSON(text, 'h.json')).toThrow(message);
  });
});

describe('historyPicture', () => {
  const textsOf = (svg: string) =>
    [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
  /** Those above the legend. */
  const countPoints = (svg: string) =>
    [...svg.matchAll(/<circle [^>]*cy="([\d.]+)"/g)].filter(([, y]) => Number(y) < 440).length;

  it('draws both panels with their names, legend, title and the best epoch', () => {
    const svg = historyPicture(makeHistory(4, 30), 'my <run> & more');
    expect(svg).toMatch(/^<svg [^>]*width="1120"/);
    const texts = textsOf(svg);
    for (const name of [
      'loss',
      'accuracy',
      'my &lt;run&gt; &amp; more',
      'train, each step',
      'validation, by epoch',
    ])
      expect(texts).toContain(name);
    for (const [name, count] of [
      ['step', 2],
      ['epoch', 2],
      ['best: epoch 3', 2],
    ])
      expect(texts.filter((text) => text === name)).toHaveLength(count as number);
    expect(
      texts.some((text) => /best epoch 3 of 4 .* loss 0\.167 .* accuracy 81\.3 %/.test(text)),
    ).toBe(true);
    // The validation points of four epochs in each panel.
    expect(countPoints(svg)).toBe(8);
  });

  it.each([
    [1, 1],
    [1, 40],
    [40, 1],
    [3, 500],
  ])('draws %i epochs of %i steps inside the picture', (epochs, stepsPerEpoch) => {
    const svg = historyPicture(makeHistory(epochs, stepsPerEpoch));
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(countPoints(svg)).toBeGreaterThanOrEqual(2 * epochs);
    const places = [...svg.matchAll(/x="([\d.-]+)" (?:c?y)="([\d.-]+)"/g)];
    expect(places.length).toBeGreaterThanOrEqual(2 * epochs);
    for (const [, x, y] of places) {
      expect(Number(x)).toBeGreaterThanOrEqual(0);
      expect(Number(x)).toBeLessThanOrEqual(1120);
      expect(Number(y)).toBeGreaterThanOrEqual(0);
      expect(Number(y)).toBeLessThanOrEqual(490);
    }
  });

  it('draws the metric that decides, even below 0, and no steps without it', () => {
    const steps = [1, 2, 3, 4].map((step) => ({
      ...{ step, epoch: Math.ceil(step / 2), loss: 2 / step },
      ...{ learningRate: 1, gradNorm: 1 },
    }));
    const evaluations = [-0.25, 0.625].map((validSpearman, index) => ({
      ...{ epoch: index + 1, step: 2 * (index + 1), trainLoss: 1, validLoss: 1 },
      ...{ validSpearman, validPearson: 0.5, best: index === 1 },
    }));
    const history = new History('spearman', { steps, evaluations });
    const back = History.fromJSON(JSON.stringify(history));
    expect([back.monitor, back.bestEpoch?.validSpearman, back.bestEpoch?.validPearson]).toEqual([
      'spearman',
      0.625,
      0.5,
    ]);
    const svg = historyPicture(back);
    const texts = textsOf(svg);
    expect(texts).toContain('Spearman');
    expect(texts).toContain('-0.4');
    expect(texts.some((text) => text.includes('validation Spearman 0.625'))).toBe(true);
    // Loss: four steps and two epochs; the metric: two epochs.
    expect(countPoints(svg)).toBe(8);
  });

  it('leaves out what is not there: epochs, validation, step accuracy, numbers', () => {
    expect(textsOf(historyPicture(new History()))).toContain('no epoch finished');
    const steps = [0.7, Number.NaN, Number.POSITIVE_INFINITY, 0.5].map((loss, index) => ({
      ...{ step: index + 1, epoch: 1, loss, learningRate: 1, gradNorm: 1 },
    }));
    const epoch = { epoch: 1, step: 4, trainLoss: 0.6, trainAccuracy: 0.75, best: false };
    const history = new History('accuracy', { steps, evaluations: [epoch] });
    const svg = historyPicture(history);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    // Two finite losses, and one accuracy by epoch.
    expect(countPoints(svg)).toBe(3);
    expect(textsOf(svg)).toContain('train, by epoch');
    expect(textsOf(svg)).not.toContain('validation, by epoch');
    expect(textsOf(svg)).toContain('epoch 1 of 1  ·  train loss 0.600');
  });
});
