import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignSlots } from '../../../src/device/capture/memoryPlan.ts';

describe('assignSlots', () => {
  const lifetime = fc.record({
    bytes: fc.integer({ min: 1, max: 100 }),
    from: fc.nat(20),
    life: fc.integer({ min: 1, max: 8 }),
  });

  it('never lets two that live at once share, nor puts one where it does not fit', () => {
    fc.assert(
      fc.property(
        fc.array(lifetime, { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 5 }),
        (lives, existing) => {
          const lifetimes = lives.map(({ bytes, from, life }) => ({
            bytes,
            from,
            to: from + life,
          }));
          const { slotOf, sizes } = assignSlots(lifetimes, existing);
          for (const [slot, size] of existing.entries())
            expect(sizes[slot]).toBeGreaterThanOrEqual(size);
          for (const [i, a] of lifetimes.entries()) {
            expect(sizes[slotOf[i]]).toBeGreaterThanOrEqual(a.bytes);
            for (const [j, b] of lifetimes.entries()) {
              if (i < j && a.from < b.to && b.from < a.to) expect(slotOf[i]).not.toBe(slotOf[j]);
            }
          }
        },
      ),
    );
  });

  it('needs no more slots than lives overlap', () => {
    const chain = Array.from({ length: 50 }, (_, i) => ({ bytes: 64, from: i, to: i + 2 }));
    expect(assignSlots(chain, []).sizes).toEqual([64, 64]);
  });
});
