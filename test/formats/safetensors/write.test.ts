import { describe, expect, test } from 'vitest';
import {
  parseSafetensors,
  type SafetensorsDtype,
  SafetensorsError,
  serializeSafetensors,
  type TensorToWrite,
} from '../../../src/formats/safetensors/file.ts';
import { mixed } from '../../support/safetensorsFiles.ts';

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

  test('puts wider dtypes first, then names by their UTF-8 bytes, numbers like others', () => {
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
