import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Dtype,
  parseSafetensors,
  type RawTensor,
  SafetensorsError,
  serializeSafetensors,
  type TensorToWrite,
  toFloat32,
  toInt32,
} from '../src/bert/safetensors.ts';
import { UsageError } from '../src/platform/errors.ts';
import { goldenPath, goldenText, hasGolden } from './support/golden.ts';
import { mutants, seeded } from './support/mutants.ts';

/** A file with this header text, whatever it says, and so many bytes of data. */
function fileOf(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const encoded = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + encoded.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(encoded.length), true);
  file.set(encoded, 8);
  return file;
}

const raw = (dtype: Dtype, bytes: ArrayBufferLike, shape: number[] = []): RawTensor => ({
  dtype,
  shape,
  data: new Uint8Array(bytes),
});
const F32 = (begin: number, end: number, shape = (end - begin) / 4) =>
  `{"dtype":"F32","shape":[${shape}],"data_offsets":[${begin},${end}]}`;

const mixed: [string, TensorToWrite][] = [
  ['w', { dtype: 'F32', shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) }],
  ['é', { dtype: 'F16', shape: [3], data: new Uint8Array([1, 2, 3, 4, 5, 6]) }],
  ['empty', { dtype: 'I64', shape: [0, 4], data: new Uint8Array(0) }],
  ['s', { dtype: 'BOOL', shape: [], data: new Uint8Array([1]) }],
  ['n', { dtype: 'I32', shape: [2], data: new Int32Array([-1, 7]) }],
];

describe('writing', () => {
  test('lays a file out byte for byte as the format has it', () => {
    const file = serializeSafetensors([['a', { dtype: 'F32', shape: [1], data: new Float32Array([1]) }]]);
    const header = '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
    expect(header.length).toBe(85);
    expect([...file]).toEqual([...[88, 0, 0, 0, 0, 0, 0, 0], ...new TextEncoder().encode(`${header}   `), ...[0, 0, 0x80, 0x3f]]);
  });

  test('puts wider dtypes first, then names by their UTF-8 bytes, numbers like any other name', () => {
    const names = ['aa', 'b', '10', '9', '\u{1f600}', '\uff5e', 'a'];
    const tensors = names.map((name) => [name, { dtype: 'U8', shape: [1], data: new Uint8Array(1) }] as [string, TensorToWrite]);
    const wide: TensorToWrite = { dtype: 'I64', shape: [1], data: new Uint8Array(8) };
    const file = serializeSafetensors([...tensors, ['z', wide]]);
    expect([...parseSafetensors(file).tensors.keys()]).toEqual([...['z', '10', '9', 'a', 'aa', 'b', '\uff5e', '\u{1f600}']]);
    expect([...parseSafetensors(serializeSafetensors(mixed)).tensors.keys()]).toEqual([...['empty', 'w', 'n', 'é', 's']]);
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
    ['a name twice', [...mixed, ['w', one]], /^tensor "w" cannot be written: the name is taken$/],
    ['the reserved name', [['__metadata__', one]], /^tensor "__metadata__" .* taken$/],
    ['half a character', [['\ud800', one]], /not valid Unicode$/],
    ['too little data', [['x', { ...one, shape: [3] }]], /^tensor "x" has 8 bytes; shape \[3\] of F32 takes 12$/],
    ['a negative dimension', [['x', { ...one, shape: [-2] }]], /^tensor "x" has the shape \[-2\]/],
    ['a broken dimension', [['x', { ...one, shape: [0.5, 4] }]], /^tensor "x" has the shape \[0\.5,4\]/],
    ['another dtype than its array', [['x', { ...one, dtype: 'I32' }]], /as I32 but given as Float32Array$/],
    ['an unknown dtype', [['x', { ...one, dtype: 'F31' as Dtype }]], /^tensor "x" has the unknown dtype "F31"$/],
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
    ['nothing', new Uint8Array(0), /8 bytes or more, not 0/],
    ['seven bytes', new Uint8Array(7), /8 bytes or more, not 7/],
    ['no header', new Uint8Array(8), /does not begin with \{/],
    ['a header longer than the file', length(57n), /claims a header of 57 bytes, but only 56 follow/],
    ['a header over 100 MB', length(100_000_001n), /claims a header of 100000001 bytes; the format allows 1000/],
    ['a header of 2^64 - 1', length(2n ** 64n - 1n), /claims a header of 18446744073709551615 bytes/],
    ['a byte order mark', fileOf('\ufeff{}'), /does not begin with \{/],
    ['a blank first', fileOf(' {}'), /does not begin with \{/],
    ['a list', fileOf('[]'), /does not begin with \{/],
    ['broken UTF-8', fileOf(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), /not valid JSON in UTF-8/],
    ['an open string', fileOf('{"a'), /not valid JSON/],
    ['an open escape', fileOf('{"a\\'), /not valid JSON/],
    ['text after the end', fileOf('{}}'), /not valid JSON/],
    ['zeros as padding', fileOf('{}\0\0'), /not valid JSON/],
    ['half a surrogate pair', fileOf('{"\\ud800":1}'), /not valid Unicode/],
    ['deep nesting', fileOf(deep), /object of objects of lists/],
    ['deep lists', fileOf(`{"a":${'['.repeat(100_000)}`), /object of objects of lists/],
    ['a list for a tensor', fileOf('{"a":[1]}'), /object of objects of lists/],
    ['a million keys', fileOf(keys), /more than 1000000 keys/],
    ['a name twice', fileOf(`{"a":${F32(0, 4)},"a":${F32(0, 4)}}`, 4), /key "a" twice/],
    ['a name twice, once escaped', fileOf(`{"a":${F32(0, 4)},"\\u0061":${F32(0, 4)}}`, 4), /key "a" twice/],
    ['a field twice', tensor('"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]'), /"dtype" twice/],
    ['metadata twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), /"__metadata__" twice/],
    ['metadata that is a list', fileOf('{"__metadata__":{"a":[1]}}'), /__metadata__ "a" is not a string/],
    ['metadata that is null', fileOf('{"__metadata__":null}'), /__metadata__ is not an object/],
    ['a tensor that is a number', fileOf('{"a":1}'), /^tensor "a" is not described by an object/],
    ['an unknown dtype', tensor('"dtype":"F31","shape":[1],"data_offsets":[0,4]'), /"a" has the unknown dtype "F31"/],
    ['a dtype of half bytes', tensor('"dtype":"F4","shape":[8],"data_offsets":[0,4]'), /"a" has the unknown dtype "F4"/],
    ['an inherited dtype', tensor('"dtype":"toString","shape":[1],"data_offsets":[0,4]'), /unknown dtype "toString"/],
    ['no dtype', tensor('"shape":[1],"data_offsets":[0,4]'), /"a" has the unknown dtype undefined/],
    ['no shape', tensor('"dtype":"F32","data_offsets":[0,4]'), /"a" has the shape undefined/],
    ['a shape of text', tensor('"dtype":"F32","shape":["1"],"data_offsets":[0,4]'), /"a" has the shape \["1"\]/],
    ['a negative dimension', tensor('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'), /plain digits/],
    ['a fraction', tensor('"dtype":"F32","shape":[1.0],"data_offsets":[0,4]'), /plain digits/],
    ['an exponent', tensor('"dtype":"F32","shape":[1],"data_offsets":[0,4e0]'), /plain digits/],
    [
      'a dimension past 2^53',
      tensor('"dtype":"F32","shape":[9007199254740993,0],"data_offsets":[0,0]'),
      /"a" has the shape .*expected a list of whole numbers/,
    ],
    [
      'a shape that overflows',
      tensor('"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]'),
      /"a" has the shape .*too large/,
    ],
    ['one offset', tensor('"dtype":"F32","shape":[1],"data_offsets":[4]'), /"a" has the data_offsets \[4\]/],
    ['offsets that go back', tensor('"dtype":"F32","shape":[1],"data_offsets":[4,0]'), /data_offsets \[4,0\]/],
    ['too few bytes', fileOf(`{"a":${F32(0, 4, 2)}}`, 4), /"a" has 4 bytes; shape \[2\] of F32 takes 8/],
    ['too many bytes', fileOf(`{"a":${F32(0, 8, 1)}}`, 8), /"a" has 8 bytes; shape \[1\] of F32 takes 4/],
    ['data that begins late', fileOf(`{"a":${F32(4, 8)}}`, 8), /"a" begins at byte 4; expected 0/],
    ['a hole', fileOf(`{"a":${F32(0, 4)},"b":${F32(8, 12)}}`, 12), /"b" begins at byte 8; expected 4/],
    ['an overlap', fileOf(`{"a":${F32(0, 8)},"b":${F32(4, 12)}}`, 12), /"b" begins at byte 4; expected 8/],
    ['the same bytes twice', fileOf(`{"a":${F32(0, 4)},"b":${F32(0, 4)}}`, 4), /"b" begins at byte 0; expected 4/],
    ['a file cut short', fileOf(`{"a":${F32(0, 4)},"b":${F32(4, 8)}}`, 7), /"b" ends at byte 8, but .* 7 bytes/],
    ['bytes after the last tensor', fileOf(`{"a":${F32(0, 4)}}`, 5), /5 bytes of data, but its header describes 4/],
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
      if (!Object.is(floats[bits], value)) expect.fail(`${bits} became ${floats[bits]}, not ${value}`);
    }
  });

  test('bfloat16 is the upper half of a float32', () => {
    const values = [0, -0, 1, -2.5, 3.3895313892515355e38, Number.POSITIVE_INFINITY, 2 ** -133];
    const bits = new Uint32Array(new Float32Array(values).buffer);
    const halves = Uint16Array.from(bits, (word) => word >>> 16);
    expect([...toFloat32(raw('BF16', halves.buffer))]).toEqual(values);
    expect(toFloat32(raw('BF16', Uint16Array.of(0x7fc0).buffer))[0]).toBeNaN();
  });

  test('float64 is rounded', () => {
    const values = [0.1, 1e300, -1e-300, 16777217];
    expect([...toFloat32(raw('F64', new Float64Array(values).buffer))]).toEqual(values.map(Math.fround));
  });

  test('integers of every width', () => {
    expect([...toInt32(raw('I64', BigInt64Array.of(-1n, 2147483647n, -2147483648n).buffer))]).toEqual([
      ...[-1, 2147483647, -2147483648],
    ]);
    expect([...toInt32(raw('I16', Int16Array.of(-5, 7).buffer))]).toEqual([-5, 7]);
    expect([...toInt32(raw('I8', Int8Array.of(-128).buffer))]).toEqual([-128]);
    expect([...toInt32(raw('U8', Uint8Array.of(255).buffer))]).toEqual([255]);
    expect([...toInt32(raw('U16', Uint16Array.of(65535).buffer))]).toEqual([65535]);
    expect([...toInt32(raw('BOOL', Uint8Array.of(0, 1).buffer))]).toEqual([0, 1]);
  });

  test('refuses what does not fit, by name', () => {
    const past = raw('I64', BigInt64Array.of(2147483648n).buffer);
    expect(() => toInt32(past, 'ids')).toThrow(/^tensor "ids" holds 2147483648, which does not fit/);
    expect(() => toInt32(raw('U32', Uint32Array.of(4294967295).buffer))).toThrow(SafetensorsError);
    expect(() => toInt32(raw('F32', new ArrayBuffer(4)), 'w')).toThrow('tensor "w" is F32; expected integers');
    expect(() => toFloat32(raw('I32', new ArrayBuffer(4)), 'n')).toThrow('tensor "n" is I32; expected floats');
    expect(() => toFloat32(raw('F8_E4M3', new ArrayBuffer(4)))).toThrow('the tensor is F8_E4M3; expected floats');
  });
});

test('what is written reads back, whatever it is', () => {
  const sizes = { BOOL: 1, U8: 1, I8: 1, I16: 2, F16: 2, BF16: 2, I32: 4, F32: 4, F64: 8, I64: 8 } as const;
  const tensor = fc
    .record({
      dtype: fc.constantFrom(...(Object.keys(sizes) as (keyof typeof sizes)[])),
      shape: fc.array(fc.nat(4), { maxLength: 4 }),
      seed: fc.nat(),
    })
    .map(({ dtype, shape, seed }): TensorToWrite => {
      const random = seeded(seed);
      const length = shape.reduce((a, b) => a * b, 1) * sizes[dtype];
      return { dtype, shape, data: Uint8Array.from({ length }, () => random() * 256) };
    });
  const name = fc.string({ unit: 'binary' }).filter((text) => text !== '__metadata__');
  const metadata = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, tensor), { maxLength: 8 }), metadata, (list, meta) => {
      const tensors = new Map(list);
      const file = serializeSafetensors(tensors, meta);
      const back = parseSafetensors(file);
      expect(Object.entries(back.metadata)).toEqual(Object.entries(meta));
      expect([...back.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
      for (const [key, { dtype, shape, data }] of tensors) expect(back.tensors.get(key)).toEqual({ dtype, shape, data });
      expect(serializeSafetensors(back.tensors, back.metadata)).toEqual(file);
    }),
    { seed: 11, numRuns: 500 },
  );
});

test('20,000 damaged files are read or refused, quickly', () => {
  let read = 0;
  let slowest = 0;
  for (const file of mutants(serializeSafetensors(mixed), 20_000, 1)) {
    const start = performance.now();
    try {
      const { tensors } = parseSafetensors(file);
      read++;
      let bytes = 0;
      for (const tensor of tensors.values()) bytes += tensor.data.length;
      const header = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
      expect(8 + header + bytes).toBe(file.length);
    } catch (error) {
      if (!(error instanceof SafetensorsError)) throw error;
      expect(error.message).not.toContain('\n');
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  // Some damage hits the data alone; if all or none were read, the test would say nothing.
  expect(read).toBeGreaterThan(200);
  expect(read).toBeLessThan(2_000);
  // A bound for hangs; reading one takes some 50 µs.
  expect(slowest).toBeLessThan(1_000);
});

describe.skipIf(!hasGolden)('files the reference library wrote', () => {
  const folders = ['pretraining', 'sequence-classification', 'regression', 'token-classification'];
  test.each([
    'ops/optim.safetensors',
    ...['grads', 'outputs', 'train'].map((file) => `tiny-bert/${file}.safetensors`),
    ...[...folders, 'question-answering', 'multiple-choice'].map((dir) => `tiny-bert/${dir}/model.safetensors`),
  ])('%s: read, and written again to the same bytes', (path) => {
    const file = readFileSync(goldenPath(path));
    const { tensors, metadata } = parseSafetensors(file);
    expect(tensors.size).toBeGreaterThan(30);
    expect(Buffer.compare(serializeSafetensors(tensors, metadata), file)).toBe(0);
  });

  test('ops: every tensor of every case, with its dtype and shape', () => {
    const { tensors } = parseSafetensors(readFileSync(goldenPath('ops/ops.safetensors')));
    const dtypes: Record<string, Dtype> = { float32: 'F32', int32: 'I32', bool: 'BOOL' };
    const named = new Set<string>();
    type Listed = { tensor: string; dtype: string; shape: number[]; grad?: string; upstream?: string };
    const { cases } = JSON.parse(goldenText('ops/ops.json')) as {
      cases: { inputs: Listed[]; outputs: Listed[] }[];
    };
    for (const { inputs, outputs } of cases)
      for (const { tensor, dtype, shape, grad, upstream } of [...inputs, ...outputs])
        for (const name of [tensor, grad, upstream]) {
          if (!name) continue;
          named.add(name);
          expect(tensors.get(name), name).toMatchObject({ dtype: dtypes[dtype], shape });
        }
    expect(named.size).toBe(tensors.size);
  });

  test('inputs: ids and masks as int32', () => {
    const { tensors } = parseSafetensors(readFileSync(goldenPath('tiny-bert/inputs.safetensors')));
    const mask = toInt32(tensors.get('attention_mask')!);
    const rows = [0, 1, 2, 3].map((row) => mask.slice(row * 24, row * 24 + 24).reduce((a, b) => a + b));
    expect(rows).toEqual([24, 17, 9, 3]);
  });
});
