import { describe, expect, it } from 'vitest';
import { curvesPicture } from '../../../src/train/trainer/curves.ts';
import {
  fittedScale,
  logScale,
  metricScale,
  scaleFromZero,
  shareOf,
} from '../../../src/train/trainer/scale.ts';
import { fitText, textWidth, thinOut } from '../../../src/train/trainer/svg.ts';

describe('a text of a picture', () => {
  it.each([
    ['a-very-long-name-of-a-file'.repeat(4), 13],
    ['한국어 영화 감상평 '.repeat(12), 18],
    ['🙂'.repeat(60), 12],
  ])('that is too long ends in an ellipsis: %s', (text, size) => {
    const shown = fitText(text, size, 300);
    expect(shown).toMatch(/…$/);
    expect(shown.length).toBeGreaterThan(5);
    expect(textWidth(shown, size)).toBeLessThanOrEqual(300);
    expect(text.startsWith(shown.slice(0, -1))).toBe(true);
  });

  it('that fits stays as it is', () => {
    expect(fitText('loss', 13, 60)).toBe('loss');
  });
});

describe('an axis', () => {
  it.each([1, 7, 96, 1234, 99_999, 12_345_678, 0.004])(
    'up to %d has labels that do not overprint',
    (end) => {
      for (const length of [80, 310, 456]) {
        const scale = fittedScale([0, end], length);
        const places = scale.ticks.map((tick) => length * shareOf(scale, tick));
        for (let i = 1; i < places.length; i++) {
          const [a, b] = [scale.ticks[i - 1], scale.ticks[i]].map(
            (tick) => textWidth(scale.format(tick), 12) / 2,
          );
          expect(places[i] - places[i - 1]).toBeGreaterThan(a + b);
        }
        expect(scale.ticks[0]).toBe(0);
        expect(scale.ticks.length).toBeGreaterThanOrEqual(length > 300 ? 2 : 1);
      }
    },
  );

  it('from 0 holds every value', () => {
    for (const highest of [0.0003, 0.7, 1, 2.31, 9.99, 11, 4e7]) {
      const { min, max, ticks } = scaleFromZero([highest / 3, highest]);
      expect([min, ticks[0]]).toEqual([0, 0]);
      expect(max).toBeGreaterThanOrEqual(highest);
      expect(max).toBeLessThan(2.1 * highest);
      expect(ticks.length).toBeGreaterThan(2);
    }
  });

  it('of powers holds every value, and 1 without any', () => {
    for (const values of [[3], [8, 9.5], [21, 44], [1.2, 30_000], []]) {
      const scale = logScale(values);
      expect(scale.ticks.length).toBeGreaterThan(1);
      for (const value of values) {
        expect(shareOf(scale, value)).toBeGreaterThanOrEqual(0);
        expect(shareOf(scale, value)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('of a metric ends at 1, written as percents if asked', () => {
    expect(metricScale([0.93], true).ticks.map(metricScale([], true).format)).toEqual([
      '90 %',
      '95 %',
      '100 %',
    ]);
    expect(metricScale([-0.25], false).min).toBeCloseTo(-0.4);
  });
});

it('a line of many points keeps its highest and lowest in each pixel', () => {
  const places = Array.from({ length: 1000 }, (_, i): [number, number] => [
    i / 100,
    (i * 7919) % 997,
  ]);
  const thin = thinOut(places);
  expect(thin).toHaveLength(20);
  const heights = thin.map(([, y]) => y);
  expect(Math.max(...heights)).toBe(Math.max(...places.map(([, y]) => y)));
  expect(thin.map(([x]) => x)).toEqual(thin.map(([x]) => x).sort((a, b) => a - b));
});

it('the label of the best epoch stands away from the curve', () => {
  const at = (y: number) => {
    const valid: [number, number][] = [[10, y]];
    const panel = { name: 'x', raw: [], train: [], valid, scale: scaleFromZero([1]) };
    const svg = curvesPicture({
      ...{ title: 't', summary: 's', panels: [panel], lastStep: 20, validName: 'v' },
      best: { epoch: 1, step: 10 },
    });
    return Number(/ y="([\d.]+)"[^>]*>best: epoch 1</.exec(svg)![1]);
  };
  expect(at(0.95)).toBeGreaterThan(300);
  expect(at(0.05)).toBeLessThan(200);
});
