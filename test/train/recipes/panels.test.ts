import { describe, expect, it } from 'vitest';
import { History, historyPanels } from '../../../src/entries/train.ts';

const step = (at: number) => ({
  ...{ step: at, epoch: 1, loss: 1 / at, accuracy: 1 - 1 / (at + 1), learningRate: 1, gradNorm: 1 },
});

describe('historyPanels', () => {
  it('draws loss and the metric that decides, in variables of the page', () => {
    const history = new History('accuracy', { steps: [1, 2, 3].map(step), evaluations: [] });
    const panels = historyPanels(history);
    expect(panels.map(({ name }) => name)).toEqual(['loss', 'accuracy']);
    for (const { svg } of panels) {
      expect(svg).toContain('stroke="var(--train)"');
      // A strict policy of a page forbids styles in its text.
      expect(svg).not.toMatch(/style=|#[0-9a-f]{6}/);
    }
  });

  it.each([0, 1])('draws a history of %d steps', (count) => {
    const steps = Array.from({ length: count }, (_, i) => step(i + 1));
    for (const { svg } of historyPanels(new History('loss', { steps, evaluations: [] })))
      expect(svg).not.toContain('NaN');
  });
});
