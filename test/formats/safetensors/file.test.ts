import { describe, expect, test } from 'vitest';
import {
  parseSafetensors,
  type RawTensor,
  type SafetensorsDtype,
  SafetensorsError,
  serializeSafetensors,
  type TensorToWrite,
  toFloat16,
  toFloat32,
  toInt32,
} from '../../../src/formats/safetensors/file.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { seeded } from '../../support/mutants.ts';
import { fileOf, mixed } from '../../support/safetensorsFiles.ts';

const raw = (dtype: SafetensorsDtype, bytes: ArrayBufferLike, shape: number[] = []): RawTensor => ({
  dtype,
  shape,
  data: new Uint8Array(bytes),
});
const F32 = (begin: number, end: number, shape = (end - begin) / 4) =>
  `{"dtype":"F32","shape":[${shape}],"data_offsets":[${begin},${end}]}`;

describe('writing', () => {
  test('lays a file out byte for byte as the format has it', () => {
    const file = serializeSafetensors([
      ['a', { dtype: 'F32', shape: [1], data: new Float32Array([1]) }],
    ]);
    const header =
      '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
    expect(header.length).toBe(85);
    expect([...file]).toEqual([
      ...[88, 0, 0, 0, 0, 0, 0, 0],
      ...new TextEncoder().encode(`${header}   `),
      ...[0, 0, 0x80, 0x3f],
    ]);
  });

  test('puts wider dtypes first, then names by their UTF-8 bytes, numbers like any other name', () => {
    const names = ['aa', 'b', '10', '9', '\u{1f600}', '\uff5e', 'a'];
    const tensors = names.map(
      (name) =>
        [name, { dtype: 'U8', shape: [1], data: new Uint8Array(1) }] as [string, TensorToWrite],
    );
    const wide: TensorToWrite = { dtype: 'I64', shape: [1], data: new Uint8Array(8) };
    const file = serializeSafetensors([...tensors, ['z', wide]]);
    expect([...parseSafetensors(file).tensors.keys()]).toEqual([
      ...['z', '10', '9', 'a', 'aa', 'b', '\uff5e', '\u{1f600}'],
    ]);
    expect([...parseSafetensors(serializeSafetensors(mixed)).tensors.keys()]).toEqual([
      ...['empty', 'w', 'n', 'é', 's'],
    ]);
  });

  test('an empty file and a metadata of one’s own', () => {
    const empty = serializeSafetensors([], {});
    expect([...empty]).toEqual([8, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d, 32, 32, 32, 32, 32, 32]);
    expect(parseSafetensors(empty)).toEqual({ tensors: new Map(), metadata: {} });
    const { metadata } = parseSafetensors(serializeSafetensors([], { 'a"\n': 'ü' }));
    expect(metadata).toEqual({ 'a"\n': 'ü' });
  });

  const one: TensorToWrite = { dtype: 'F32', shape: [2], data: new Float32Array(2) };
  test.each<[string, [string, TensorToWrite][], RegExp]>([
    ['a name twice', [...mixed, ['w', one]], /^tensor "w": the name occurs twice$/],
    [
      'the reserved name',
      [['__metadata__', one]],
      /^tensor "__metadata__": the name occurs twice$/,
    ],
    ['half a character', [['\ud800', one]], /not valid Unicode$/],
    [
      'too little data',
      [['x', { ...one, shape: [3] }]],
      /^tensor "x": expected 12 bytes for shape \[3\] of F32, got 8$/,
    ],
    [
      'a negative dimension',
      [['x', { ...one, shape: [-2] }]],
      /^tensor "x": shape: expected .*, got \[-2\]/,
    ],
    [
      'a broken dimension',
      [['x', { ...one, shape: [0.5, 4] }]],
      /^tensor "x": shape: expected .*, got \[0\.5,4\]/,
    ],
    [
      'another dtype than its array',
      [['x', { ...one, dtype: 'I32' }]],
      /expected data for I32, got a Float32Array$/,
    ],
    [
      'an unknown dtype',
      [['x', { ...one, dtype: 'F31' as SafetensorsDtype }]],
      /^tensor "x": unknown dtype "F31"$/,
    ],
  ])('refuses %s', (_, tensors, message) => {
    expect(() => serializeSafetensors(tensors)).toThrow(SafetensorsError);
    expect(() => serializeSafetensors(tensors)).toThrow(message);
  });
});

describe('reading', () => {
  test('gives views of the file, wherever its bytes lie', () => {
    const file = serializeSafetensors(mixed);
    const elsewhere = new Uint8Array(file.length + 11);
    elsewhere.set(file, 3);
    const { tensors } = parseSafetensors(elsewhere.subarray(3, 3 + file.length));
    const w = tensors.get('w')!;
    expect(w.shape).toEqual([2, 3]);
    expect(w.data.buffer).toBe(elsewhere.buffer);
    const values = toFloat32(w);
    expect([...values]).toEqual([1, 2, 3, 4, 5, 6]);
    values[0] = 9;
    expect(toFloat32(w)[0]).toBe(1);
  });

  test('a Buffer is never aliased by what is converted from it', () => {
    const { tensors } = parseSafetensors(Buffer.from(serializeSafetensors(mixed)));
    toInt32(tensors.get('n')!)[0] = 5;
    toFloat32(tensors.get('w')!)[0] = 5;
    expect([toInt32(tensors.get('n')!)[0], toFloat32(tensors.get('w')!)[0]]).toEqual([-1, 1]);
  });

  test('takes what the format allows: any order, scalars, empty tensors, blanks, no padding, fields it does not know', () => {
    const header = `{ "b" :${F32(4, 8)},\n"a":${F32(0, 4)},"e":{"dtype":"F16","shape":[3,0],"data_offsets":[4,4]},
      "s":{"dtype":"U8","shape":[],"data_offsets":[8,9],"note":"{\\"s\\":1}"}}`;
    const { tensors, metadata } = parseSafetensors(fileOf(header, 9));
    expect([...tensors.keys()]).toEqual(['a', 'e', 'b', 's']);
    expect(tensors.get('e')!.data.length).toBe(0);
    expect(tensors.get('s')).toMatchObject({ shape: [], dtype: 'U8' });
    expect(metadata).toEqual({});
  });

  test('__proto__ is a name like any other', () => {
    const header = `{"__proto__":${F32(0, 4)},"constructor":${F32(4, 8)},"__metadata__":{"__proto__":"x"}}`;
    const { tensors, metadata } = parseSafetensors(fileOf(header, 8));
    expect([...tensors.keys()]).toEqual(['__proto__', 'constructor']);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'x']]);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
    const nested = `{"a":{"__proto__":{"x":1},"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`;
    expect(() => parseSafetensors(fileOf(nested, 4))).toThrow(SafetensorsError);
  });

  const length = (value: bigint) => {
    const file = new Uint8Array(64);
    new DataView(file.buffer).setBigUint64(0, value, true);
    return file;
  };
  const tensor = (fields: string) => fileOf(`{"a":{${fields}}}`, 4);
  const deep = `{"a":`.repeat(100_000);
  const keys = `{"__metadata__":{${Array.from({ length: 1_000_001 }, (_, i) => `"${i}":""`).join(',')}}}`;
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /expected at least 8 bytes, got 0/],
    ['seven bytes', new Uint8Array(7), /expected at least 8 bytes, got 7/],
    ['no header', new Uint8Array(8), /does not begin with \{/],
    [
      'a header longer than the file',
      length(57n),
      /expected at most the 56 bytes that follow, got 57/,
    ],
    [
      'a header over 100 MB',
      length(100_000_001n),
      /expected at most 100000000 bytes, got 100000001/,
    ],
    [
      'a header of 2^64 - 1',
      length(2n ** 64n - 1n),
      /expected at most 100000000 bytes, got 18446744073709551615/,
    ],
    ['a byte order mark', fileOf('\ufeff{}'), /does not begin with \{/],
    ['a blank first', fileOf(' {}'), /does not begin with \{/],
    ['a list', fileOf('[]'), /does not begin with \{/],
    [
      'broken UTF-8',
      fileOf(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
      /not valid JSON in UTF-8/,
    ],
    ['an open string', fileOf('{"a'), /not valid JSON/],
    ['an open escape', fileOf('{"a\\'), /not valid JSON/],
    ['text after the end', fileOf('{}}'), /not valid JSON/],
    ['zeros as padding', fileOf('{}\0\0'), /not valid JSON/],
    ['half a surrogate pair', fileOf('{"\\ud800":1}'), /not valid Unicode/],
    ['deep nesting', fileOf(deep), /object of objects of lists/],
    ['deep lists', fileOf(`{"a":${'['.repeat(100_000)}`), /object of objects of lists/],
    ['a list for a tensor', fileOf('{"a":[1]}'), /object of objects of lists/],
    ['a million keys', fileOf(keys), /at most 1000000 keys/],
    ['a name twice', fileOf(`{"a":${F32(0, 4)},"a":${F32(0, 4)}}`, 4), /key "a" twice/],
    [
      'a name twice, once escaped',
      fileOf(`{"a":${F32(0, 4)},"\\u0061":${F32(0, 4)}}`, 4),
      /key "a" twice/,
    ],
    [
      'a field twice',
      tensor('"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]'),
      /"dtype" twice/,
    ],
    ['metadata twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), /"__metadata__" twice/],
    [
      'metadata that is a list',
      fileOf('{"__metadata__":{"a":[1]}}'),
      /__metadata__ "a": expected a string/,
    ],
    ['metadata that is null', fileOf('{"__metadata__":null}'), /__metadata__: expected an object/],
    ['a tensor that is a number', fileOf('{"a":1}'), /^tensor "a": expected an object, got/],
    [
      'an unknown dtype',
      tensor('"dtype":"F31","shape":[1],"data_offsets":[0,4]'),
      /"a": unknown dtype "F31"/,
    ],
    [
      'a dtype of half bytes',
      tensor('"dtype":"F4","shape":[8],"data_offsets":[0,4]'),
      /"a": unknown dtype "F4"/,
    ],
    [
      'an inherited dtype',
      tensor('"dtype":"toString","shape":[1],"data_offsets":[0,4]'),
      /unknown dtype "toString"/,
    ],
    ['no dtype', tensor('"shape":[1],"data_offsets":[0,4]'), /"a": unknown dtype undefined/],
    [
      'no shape',
      tensor('"dtype":"F32","data_offsets":[0,4]'),
      /"a": shape: expected .*, got undefined/,
    ],
    [
      'a shape of text',
      tensor('"dtype":"F32","shape":["1"],"data_offsets":[0,4]'),
      /"a": shape: expected .*, got \["1"\]/,
    ],
    [
      'a negative dimension',
      tensor('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'),
      /plain digits/,
    ],
    ['a fraction', tensor('"dtype":"F32","shape":[1.0],"data_offsets":[0,4]'), /plain digits/],
    ['an exponent', tensor('"dtype":"F32","shape":[1],"data_offsets":[0,4e0]'), /plain digits/],
    [
      'a dimension past 2^53',
      tensor('"dtype":"F32","shape":[9007199254740993,0],"data_offsets":[0,0]'),
      /"a": shape: expected a list of integers/,
    ],
    [
      'a shape that overflows',
      tensor('"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]'),
      /"a": shape .* is too large/,
    ],
    [
      'one offset',
      tensor('"dtype":"F32","shape":[1],"data_offsets":[4]'),
      /"a": data_offsets: expected \[begin, end\], got \[4\]/,
    ],
    [
      'offsets that go back',
      tensor('"dtype":"F32","shape":[1],"data_offsets":[4,0]'),
      /data_offsets: .*, got \[4,0\]/,
    ],
    [
      'too few bytes',
      fileOf(`{"a":${F32(0, 4, 2)}}`, 4),
      /"a": expected 8 bytes for shape \[2\] of F32, got 4/,
    ],
    [
      'too many bytes',
      fileOf(`{"a":${F32(0, 8, 1)}}`, 8),
      /"a": expected 4 bytes for shape \[1\] of F32, got 8/,
    ],
    [
      'data that begins late',
      fileOf(`{"a":${F32(4, 8)}}`, 8),
      /"a": expected to begin at byte 0, got 4/,
    ],
    [
      'a hole',
      fileOf(`{"a":${F32(0, 4)},"b":${F32(8, 12)}}`, 12),
      /"b": expected to begin at byte 4, got 8/,
    ],
    [
      'an overlap',
      fileOf(`{"a":${F32(0, 8)},"b":${F32(4, 12)}}`, 12),
      /"b": expected to begin at byte 8, got 4/,
    ],
    [
      'the same bytes twice',
      fileOf(`{"a":${F32(0, 4)},"b":${F32(0, 4)}}`, 4),
      /"b": expected to begin at byte 4, got 0/,
    ],
    [
      'a file cut short',
      fileOf(`{"a":${F32(0, 4)},"b":${F32(4, 8)}}`, 7),
      /"b": ends at byte 8, but .* 7 bytes/,
    ],
    [
      'bytes after the last tensor',
      fileOf(`{"a":${F32(0, 4)}}`, 5),
      /5 bytes of data, but its header describes 4/,
    ],
    ['a pickle', fileOf('PK\u0003\u0004 pretends to be a model'), /does not begin with \{/],
  ])('refuses %s', (_, file, message) => {
    let error: unknown;
    try {
      parseSafetensors(file);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(SafetensorsError);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
    expect((error as Error).message.length).toBeLessThan(250);
  });
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

  test('float32 to the nearest float16: all ties and their neighbours, random values, zeros', () => {
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
