import { describe, expect, test } from 'vitest';
import {
  type RawTensor,
  type SafetensorsDtype,
  SafetensorsError,
  toFloat16,
  toFloat32,
  toInt32,
} from '../../../src/formats/safetensors/file.ts';
import { seeded } from '../../support/mutants.ts';

const raw = (dtype: SafetensorsDtype, bytes: ArrayBufferLike, shape: number[] = []): RawTensor => ({
  dtype,
  shape,
  data: new Uint8Array(bytes),
});

describe('converting', () => {
  test('every float16', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const floats = toFloat32(raw('F16', halves.buffer));
    for (let bits = 0; bits < 65536; bits++) {
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      const sign = bits >> 15 ? -1 : 1;
      let value = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
      if (exponent === 0) value = sign * fraction * 2 ** -24;
      if (exponent === 31) value = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
      if (!Object.is(floats[bits], value))
        expect.fail(`${bits} became ${floats[bits]}, not ${value}`);
    }
  });

  test('every finite float16, there and back', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(
      (bits) => (bits & 0x7c00) !== 0x7c00,
    );
    expect(halves.length).toBe(63488);
    const back = toFloat16(toFloat32(raw('F16', halves.buffer)));
    expect(Buffer.compare(Buffer.from(back.buffer), Buffer.from(halves.buffer))).toBe(0);
  });

  /** What a half without a sign stands for; the one after the last as if there were no infinity. */
  const half = (bits: number) =>
    bits < 1024 ? bits * 2 ** -24 : (1 + (bits & 1023) / 1024) * 2 ** ((bits >> 10) - 15);
  /** Which half is nearest, in whole numbers of the smallest float32. */
  const nearest = (value: number): number => {
    const exact = (of: number) => BigInt(of * 2 ** 149);
    let [low, high] = [0, 0x7c00];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (half(middle) <= Math.abs(value)) low = middle;
      else high = middle;
    }
    const below = exact(Math.abs(value)) - exact(half(low));
    const above = exact(half(high)) - exact(Math.abs(value));
    const found = below < above ? low : above < below ? high : low % 2 === 0 ? low : high;
    return found + (Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0);
  };

  test('float32 to the nearest float16: ties and their neighbours, random values, zeros', () => {
    const ties = Float32Array.from(
      { length: 0x7bff },
      (_, bits) => (half(bits) + half(bits + 1)) / 2,
    );
    const bits = [...new Uint32Array(ties.buffer)].flatMap((tie) => [tie - 1, tie, tie + 1]);
    const random = seeded(8);
    // From below half the smallest float16 to the largest.
    for (let i = 0; i < 10_000; i++) bits.push(Math.floor((100 + 42 * random()) * 2 ** 23));
    // The largest that rounds down, just under 65520; the smallest numbers of all.
    bits.push(0x477fefff, 0, 1, 0x7fffff, 0x800000);
    const words = Uint32Array.from([...bits, ...bits.map((word) => word + 0x80000000)]);
    const floats = new Float32Array(words.buffer);
    const halves = toFloat16(floats);
    for (let i = 0; i < floats.length; i++)
      if (halves[i] !== nearest(floats[i]))
        expect.fail(`${floats[i]} became ${halves[i]}, not ${nearest(floats[i])}`);
    // A part of a larger array, too.
    expect([...toFloat16(floats.subarray(7, 9))]).toEqual([...halves.subarray(7, 9)]);
  });

  test.each([65520, -65520, 1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN])(
    'refuses %d as a float16',
    (value) => {
      const values = Float32Array.of(1, value);
      expect(() => toFloat16(values, 'w')).toThrow(SafetensorsError);
      expect(() => toFloat16(values, 'w')).toThrow(
        `tensor "w": expected numbers up to 65504 for float16, got ${values[1]}`,
      );
    },
  );

  test('bfloat16 is the upper half of a float32', () => {
    const values = [0, -0, 1, -2.5, 3.3895313892515355e38, Number.POSITIVE_INFINITY, 2 ** -133];
    const bits = new Uint32Array(new Float32Array(values).buffer);
    const halves = Uint16Array.from(bits, (word) => word >>> 16);
    expect([...toFloat32(raw('BF16', halves.buffer))]).toEqual(values);
    expect(toFloat32(raw('BF16', Uint16Array.of(0x7fc0).buffer))[0]).toBeNaN();
  });

  test('float64 is rounded', () => {
    const values = [0.1, 1e300, -1e-300, 16777217];
    expect([...toFloat32(raw('F64', new Float64Array(values).buffer))]).toEqual(
      values.map(Math.fround),
    );
  });

  test('integers of every width', () => {
    expect([
      ...toInt32(raw('I64', BigInt64Array.of(-1n, 2147483647n, -2147483648n).buffer)),
    ]).toEqual([...[-1, 2147483647, -2147483648]]);
    expect([...toInt32(raw('I16', Int16Array.of(-5, 7).buffer))]).toEqual([-5, 7]);
    expect([...toInt32(raw('I8', Int8Array.of(-128).buffer))]).toEqual([-128]);
    expect([...toInt32(raw('U8', Uint8Array.of(255).buffer))]).toEqual([255]);
    expect([...toInt32(raw('U16', Uint16Array.of(65535).buffer))]).toEqual([65535]);
    expect([...toInt32(raw('BOOL', Uint8Array.of(0, 1).buffer))]).toEqual([0, 1]);
  });

  test('refuses what does not fit, by name', () => {
    const past = raw('I64', BigInt64Array.of(2147483648n).buffer);
    expect(() => toInt32(past, 'ids')).toThrow(
      /^tensor "ids": expected integers of 32 bits, got 2147483648/,
    );
    expect(() => toInt32(raw('U32', Uint32Array.of(4294967295).buffer))).toThrow(SafetensorsError);
    expect(() => toInt32(raw('F32', new ArrayBuffer(4)), 'w')).toThrow(
      'tensor "w": expected integers, got F32',
    );
    expect(() => toFloat32(raw('I32', new ArrayBuffer(4)), 'n')).toThrow(
      'tensor "n": expected floats (F64, F32, F16 or BF16), got I32',
    );
    expect(() => toFloat32(raw('F8_E4M3', new ArrayBuffer(4)))).toThrow(
      'the tensor: expected floats (F64, F32, F16 or BF16), got F8_E4M3',
    );
  });
});
