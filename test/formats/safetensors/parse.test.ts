import { describe, expect, test } from 'vitest';
import {
  parseSafetensors,
  SafetensorsError,
  serializeSafetensors,
  toFloat32,
  toInt32,
} from '../../../src/formats/safetensors/file.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { fileOf, mixed } from '../../support/safetensorsFiles.ts';

const F32 = (begin: number, end: number, shape = (end - begin) / 4) =>
  `{"dtype":"F32","shape":[${shape}],"data_offsets":[${begin},${end}]}`;

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

  test('takes any order, scalars, empty tensors, blanks, no padding, unknown fields', () => {
    const none = '{"dtype":"F16","shape":[3,0],"data_offsets":[4,4]}';
    const header = `{ "b" :${F32(4, 8)},\n"a":${F32(0, 4)},"e":${none},
      "s":{"dtype":"U8","shape":[],"data_offsets":[8,9],"note":"{\\"s\\":1}"}}`;
    const { tensors, metadata } = parseSafetensors(fileOf(header, 9));
    expect([...tensors.keys()]).toEqual(['a', 'e', 'b', 's']);
    expect(tensors.get('e')!.data.length).toBe(0);
    expect(tensors.get('s')).toMatchObject({ shape: [], dtype: 'U8' });
    expect(metadata).toEqual({});
  });

  test('__proto__ is a name like any other', () => {
    const stored = '"__metadata__":{"__proto__":"x"}';
    const header = `{"__proto__":${F32(0, 4)},"constructor":${F32(4, 8)},${stored}}`;
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
  const many = Array.from({ length: 1_000_001 }, (_, i) => `"${i}":""`);
  const keys = `{"__metadata__":{${many.join(',')}}}`;
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
