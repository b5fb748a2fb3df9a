import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseSafetensors,
  type SafetensorsDtype,
  SafetensorsError,
  serializeSafetensors,
  type TensorToWrite,
  toInt32,
} from '../../../src/formats/safetensors/file.ts';
import { dataOffset, parseHeader } from '../../../src/formats/safetensors/header.ts';
import { goldenSets } from '../../support/golden.ts';
import { mutants, seeded } from '../../support/mutants.ts';
import { fileOf, mixed } from '../../support/safetensorsFiles.ts';

test('what is written reads back, whatever it is', () => {
  const sizes = {
    BOOL: 1,
    U8: 1,
    I8: 1,
    I16: 2,
    F16: 2,
    BF16: 2,
    I32: 4,
    F32: 4,
    F64: 8,
    I64: 8,
  } as const;
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
      for (const [key, { dtype, shape, data }] of tensors)
        expect(back.tensors.get(key)).toEqual({ dtype, shape, data });
      expect(serializeSafetensors(back.tensors, back.metadata)).toEqual(file);
    }),
    { seed: 11, numRuns: 500 },
  );
});

test('100,000 damaged files are read or refused, quickly and without much memory', () => {
  let read = 0;
  let slowest = 0;
  const reasons = new Set<string>();
  const before = process.memoryUsage().rss;
  for (const file of mutants(serializeSafetensors(mixed), 100_000, 1)) {
    const start = performance.now();
    try {
      const { tensors } = parseSafetensors(file);
      read++;
      // Every byte of the data belongs to one tensor, none of which is a copy.
      let end = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
      for (const { data } of tensors.values()) {
        if (data.buffer !== file.buffer || data.byteOffset !== file.byteOffset + end)
          expect.fail('a hole, an overlap or a copy');
        end += data.length;
      }
      if (end !== file.length)
        expect.fail(`${end} bytes are described, the file has ${file.length}`);
    } catch (error) {
      if (!(error instanceof SafetensorsError)) throw error;
      if (error.message.includes('\n') || error.message.length > 300) expect.fail(error.message);
      reasons.add(error.message.replace(/"(\\.|[^"\\])*"|\[[^\]]*\]?|\d+/g, '#'));
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  // Some damage hits the data alone; if all or none were read, the test would say nothing.
  expect(read).toBeGreaterThan(1_000);
  expect(read).toBeLessThan(20_000);
  expect(reasons.size).toBeGreaterThan(20);
  // Bounds for hangs and for arrays of the sizes that headers claim; reading one takes some 50 µs.
  expect(slowest).toBeLessThan(1_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
});

test('headers are judged by the size of the file alone, whatever they claim', () => {
  const petabyte = `{"dtype":"F32","shape":[${2 ** 48}],"data_offsets":[0,${2 ** 50}]}`;
  expect(() => parseSafetensors(fileOf(`{"a":${petabyte}}`, 8))).toThrow(
    /ends at byte 1125899906842624, but the file has 8/,
  );
  // A file larger than memory: its head is enough.
  const head = fileOf(`{"a":${petabyte}}   `);
  const size = head.length + 2 ** 50;
  expect(dataOffset(head, size)).toBe(head.length);
  expect(parseHeader(head, size).tensors.get('a')).toEqual({
    dtype: 'F32',
    shape: [2 ** 48],
    begin: head.length,
    end: size,
  });
  expect(() => parseHeader(head, size + 1)).toThrow(
    /has 1125899906842625 bytes of data, but its header describes 1125899906842624/,
  );
});

describe.each(goldenSets.map((set) => [set.name, set] as const))(
  'files as the reference library writes them: %s',
  (_, set) => {
    const folders = [
      'pretraining',
      'sequence-classification',
      'regression',
      'token-classification',
    ];
    test.each([
      'ops/optim.safetensors',
      ...['grads', 'outputs', 'train'].map((file) => `tiny-bert/${file}.safetensors`),
      ...[...folders, 'question-answering', 'multiple-choice'].map(
        (dir) => `tiny-bert/${dir}/model.safetensors`,
      ),
    ])('%s: read, and written again to the same bytes', (path) => {
      const file = readFileSync(set.path(path));
      const { tensors, metadata } = parseSafetensors(file);
      expect(tensors.size).toBeGreaterThan(30);
      expect(Buffer.compare(serializeSafetensors(tensors, metadata), file)).toBe(0);
    });

    test('ops: every tensor of every case, with its dtype and shape', () => {
      const { tensors } = parseSafetensors(readFileSync(set.path('ops/ops.safetensors')));
      const dtypes: Record<string, SafetensorsDtype> = {
        float32: 'F32',
        int32: 'I32',
        bool: 'BOOL',
      };
      const named = new Set<string>();
      type Listed = {
        tensor: string;
        dtype: string;
        shape: number[];
        grad?: string;
        upstream?: string;
      };
      const { cases } = JSON.parse(set.text('ops/ops.json')) as {
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
      const { tensors } = parseSafetensors(readFileSync(set.path('tiny-bert/inputs.safetensors')));
      const mask = toInt32(tensors.get('attention_mask')!);
      const [batch, length] = tensors.get('attention_mask')!.shape;
      expect(batch).toBe(4);
      expect(mask.slice(0, length).every((one) => one === 1)).toBe(true);
      expect(mask.subarray(3 * length).reduce((a, b) => a + b)).toBe(3);
    });
  },
);
