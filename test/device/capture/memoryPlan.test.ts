import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignSlots, SharedBuffers } from '../../../src/device/capture/memoryPlan.ts';

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

describe('SharedBuffers', () => {
  /** A pool of so many bytes, which takes each buffer back once. */
  function poolOf(limit: number) {
    let used = 0;
    const pool = {
      acquire(bytes: number) {
        if (used + bytes > limit) throw new RangeError('full');
        used += bytes;
        return { bytes, isReleased: false };
      },
      release(buffer: { bytes: number; isReleased: boolean }) {
        expect(buffer.isReleased).toBe(false);
        buffer.isReleased = true;
        used -= buffer.bytes;
      },
    };
    return { pool, used: () => used };
  }
  const at = (bytes: number, from: number) => ({ bytes, from, to: from + 2 });

  it('keeps the slots of other steps when one more does not fit', () => {
    const { pool, used } = poolOf(100);
    const buffers = new SharedBuffers(pool);
    buffers.reserve([at(20, 0), at(30, 1)]);
    expect(() => buffers.reserve([at(60, 0), at(50, 1), at(5, 2)])).toThrow('full');
    for (const slot of [0, 1]) expect(buffers.buffer(slot).isReleased).toBe(false);
    buffers.release();
    expect(used()).toBe(0);
  });

  it('keeps nothing when the first step does not fit', () => {
    const { pool, used } = poolOf(100);
    const buffers = new SharedBuffers(pool);
    expect(() => buffers.reserve([at(60, 0), at(50, 1)])).toThrow('full');
    expect(used()).toBe(0);
    expect(buffers.reserve([at(90, 0)])).toEqual([0]);
  });
});
