import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import { OutOfMemoryError } from '../../../src/device/errors.ts';
import { type WasmBuffer, WasmMemory } from '../../../src/device/wasm/wasmMemory.ts';
import { StateError } from '../../../src/platform/errors.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

const actions = fc.array(fc.record({ free: fc.boolean(), bytes: fc.nat(3_000_000) }), {
  minLength: 1,
  maxLength: 60,
});

it('buffers never overlap, and what is free is counted', () => {
  fc.assert(
    fc.property(actions, (list) => {
      const memory = new WasmMemory();
      const held: WasmBuffer[] = [];
      for (const { free, bytes } of list) {
        if (free && held.length > 0) memory.release(held.splice(bytes % held.length, 1)[0]);
        else held.push(memory.acquire(bytes));
      }
      const inOrder = held.toSorted((a, b) => a.base - b.base);
      for (const [i, { base, bytes }] of inOrder.entries()) {
        expect(base % 64).toBe(0);
        expect(base).toBeGreaterThanOrEqual(65536);
        expect(base + bytes).toBeLessThanOrEqual(inOrder[i + 1]?.base ?? 2 ** 32);
      }
      const used = held.reduce((sum, { bytes }) => sum + bytes, 0);
      expect(memory.usage).toMatchObject({ bytes: used, buffers: held.length });
      const total = memory.usage.bytes + memory.usage.pooledBytes;
      for (const buffer of held) memory.release(buffer);
      expect(memory.usage).toMatchObject({ bytes: 0, buffers: 0, pooledBytes: total });
      // All of it is one part again.
      expect(memory.acquire(total - 64).base).toBe(65536);
      expect(memory.usage.pooledBytes).toBe(64);
    }),
    { numRuns: 40, seed: 5 },
  );
});

it('keeps a pinned buffer until the last pin goes', () => {
  const memory = new WasmMemory();
  const buffer = memory.acquire(1000);
  buffer.pins++;
  memory.release(buffer);
  expect(memory.usage.buffers).toBe(1);
  memory.unpin(buffer);
  expect(memory.usage.buffers).toBe(0);
});

it('lets nobody write through a buffer without memory to what the threads share', () => {
  const placeholder = { id: -1, bytes: 64, base: 0, pins: 0, views: {} };
  expect(() => new WasmMemory().bytes(placeholder, 0, 64)).toThrow(StateError);
});

it.each([
  ['more than 32 bits can address', new WasmMemory(), 2 ** 33],
  ['more than its limit', new WasmMemory(1000), 1025],
])('%s is an OutOfMemoryError that changes nothing', (_, memory, bytes) => {
  const before = memory.usage;
  expect(() => memory.acquire(bytes)).toThrow(OutOfMemoryError);
  expect(memory.usage).toEqual(before);
  expect(memory.acquire(64).bytes).toBe(64);
});

it('frees what nobody refers to before it runs out', () => {
  const memory = new WasmMemory(1000);
  const unreachable = memory.acquire(960);
  memory.reclaim = () => memory.release(unreachable);
  expect(memory.acquire(512).bytes).toBe(512);
});

/** An engine that reserves no more pages than this. */
function limitPages(most: number): void {
  class Memory {
    #free: number;
    constructor({ initial, maximum }: WebAssembly.MemoryDescriptor) {
      if (maximum! > most) throw new RangeError('could not allocate memory');
      this.#free = maximum! - initial;
    }
    grow(pages: number): void {
      if (pages > this.#free) throw new RangeError('could not grow');
      this.#free -= pages;
    }
  }
  vi.stubGlobal('WebAssembly', { ...WebAssembly, Memory });
}

it('reserves fewer addresses where an engine refuses most', () => {
  limitPages(20_000);
  const memory = new WasmMemory();
  expect(() => memory.acquire(2 ** 30)).toThrow(/of 1073741824 at most/);
  limitPages(10_000);
  expect(() => new WasmMemory()).toThrow(OutOfMemoryError);
});

it('never reaches the last address, beyond which the end of a buffer would be 0', () => {
  limitPages(65_536);
  const memory = new WasmMemory();
  const buffer = memory.acquire(2 ** 32 - 3 * 65_536);
  expect(buffer.base + buffer.bytes).toBeLessThan(2 ** 32);
  expect(() => memory.acquire(65_536)).not.toThrow();
  expect(() => memory.acquire(65_536)).toThrow(OutOfMemoryError);
});
