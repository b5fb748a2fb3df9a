import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readCheckpoint, type Weight } from '../../../src/bert/checkpoint/read.ts';
import { bertConfig, bertTiny, configToJson, labelFields } from '../../../src/bert/config.ts';
import { serializeSafetensors, type TensorToWrite } from '../../../src/formats/safetensors/file.ts';
import { UsageError } from '../../../src/platform/errors.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-checkpoint-'));
afterAll(() => rm(root, { recursive: true }));

const config = bertConfig({
  ...bertTiny,
  ...labelFields(['no', 'yes']),
  extra: { use_cache: true },
});
const configText = configToJson(config, ['BertModel']);

const f32 = (...values: number[]): TensorToWrite => ({
  dtype: 'F32',
  shape: [values.length],
  data: new Float32Array(values),
});
const weights = (tensors: Record<string, TensorToWrite>) =>
  serializeSafetensors(Object.entries(tensors));

/** A fresh folder with these files. */
async function folder(files: Record<string, string | Uint8Array>): Promise<string> {
  const dir = await mkdtemp(join(root, 'model-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
  return dir;
}

async function refusal(dir: string): Promise<string> {
  const error = await readCheckpoint(dir).then(
    () => expect.fail('nothing was refused'),
    (caught: Error) => caught,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).not.toContain('\n');
  return error.message;
}

const values = (tensors: Map<string, Weight>) =>
  Object.fromEntries(Array.from(tensors, ([name, { data }]) => [name, [...data]]));

describe('a folder', () => {
  test('of an old version is read in today’s names and in float32', async () => {
    const half = Uint16Array.of(0x3c00, 0xc000);
    const dir = await folder({
      'config.json': configText,
      'model.safetensors': weights({
        'bert.embeddings.LayerNorm.gamma': {
          dtype: 'F16',
          shape: [2],
          data: new Uint8Array(half.buffer),
        },
        'bert.embeddings.LayerNorm.beta': {
          dtype: 'BF16',
          shape: [1],
          data: new Uint8Array(Uint16Array.of(0x3fc0).buffer),
        },
        'bert.embeddings.position_ids': { dtype: 'I64', shape: [1, 1], data: new Uint8Array(8) },
        'wide.weight': {
          dtype: 'F64',
          shape: [1],
          data: new Uint8Array(Float64Array.of(0.5).buffer),
        },
      }),
    });
    const back = await readCheckpoint(dir);
    expect(values(back.tensors)).toEqual({
      'bert.embeddings.LayerNorm.weight': [1, -2],
      'bert.embeddings.LayerNorm.bias': [1.5],
      'wide.weight': [0.5],
    });
  });

  test('in parts is read whole', async () => {
    const dir = await folder({
      'config.json': configText,
      'model-00001-of-00002.safetensors': weights({ a: f32(1), b: f32(2, 3) }),
      'model-00002-of-00002.safetensors': weights({ 'c.gamma': f32(4) }),
      'model.safetensors.index.json': JSON.stringify({
        metadata: { total_size: 16 },
        weight_map: {
          a: 'model-00001-of-00002.safetensors',
          'c.gamma': 'model-00002-of-00002.safetensors',
          b: 'model-00001-of-00002.safetensors',
        },
      }),
    });
    expect(values((await readCheckpoint(dir)).tensors)).toEqual({
      a: [1],
      b: [2, 3],
      'c.weight': [4],
    });
  });
});

describe('refuses', () => {
  test('a folder that is missing, a file, empty, or without the files', async () => {
    expect(await refusal(join(root, 'nowhere'))).toMatch(/^cannot read .*nowhere: no such folder$/);
    const file = join(await folder({ 'vocab.txt': '' }), 'vocab.txt');
    expect(await refusal(file)).toMatch(
      /vocab\.txt: is a file, not a folder: give its folder, .*model-\w+$/,
    );
    expect(await refusal(await folder({}))).toMatch(/ has no config\.json; it is empty$/);
    expect(await refusal(await folder({ 'vocab.txt': '', 'a.txt': '' }))).toMatch(
      / has no config\.json; it holds a\.txt, vocab\.txt$/,
    );
    expect(await refusal(await folder({ 'config.json': configText, 'a.txt': '' }))).toMatch(
      / has no model\.safetensors; it holds a\.txt, config\.json$/,
    );
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${10 + i}`, '']));
    expect(await refusal(await folder(many))).toMatch(/it holds f10, f11, .*f17 and 12 more$/);
  });

  test.each(['pytorch_model.bin', 'pytorch_model-00001-of-00002.bin'])(
    '%s, and says how to convert it',
    async (name) => {
      const message = await refusal(
        await folder({ 'config.json': configText, [name]: 'never opened' }),
      );
      expect(message).toContain('a pickle, which can run any code when read');
      expect(message).toContain(
        `python3 -c "import torch; from safetensors.torch import save_file; `,
      );
    },
  );

  test('a broken config.json, by its path', async () => {
    expect(await refusal(await folder({ 'config.json': '{' }))).toMatch(
      /config\.json is not valid JSON$/,
    );
    expect(await refusal(await folder({ 'config.json': '{"model_type":"gpt2"}' }))).toMatch(
      /config\.json: model_type: expected "bert", got "gpt2": models of another type /,
    );
  });

  test.each([
    ['<!DOCTYPE html><html>', 'got a web page: download the file itself'],
    ['PK\x03\x04 zip of PyTorch', 'got a pickle of PyTorch under another name'],
    ['\x89HDF\r\n\x1a\n', "got TensorFlow's HDF5"],
  ])('%j under the name of the weights', async (text, message) => {
    const file = Buffer.from(text, 'latin1');
    const dir = await folder({ 'config.json': configText, 'model.safetensors': file });
    expect(await refusal(dir)).toContain(
      `model.safetensors: expected weights in safetensors, ${message}`,
    );
  });

  test('broken weights, by path and tensor', async () => {
    const read = async (file: Uint8Array) =>
      refusal(await folder({ 'config.json': configText, 'model.safetensors': file }));
    const good = weights({ a: f32(1, 2) });
    expect(await read(good.subarray(0, -1))).toMatch(
      /model\.safetensors: tensor "a": ends at byte 8, but /,
    );
    expect(await read(new Uint8Array(3))).toMatch(
      /model\.safetensors: a safetensors file: expected at least 8 bytes/,
    );
    const both = weights({ 'L.weight': f32(1), 'L.gamma': f32(2) });
    expect(await read(both)).toMatch(/model\.safetensors: tensor "L\.weight" occurs twice$/);
  });

  test('integers among the weights, once they are read', async () => {
    const ids: TensorToWrite = { dtype: 'I32', shape: [1], data: new Int32Array(1) };
    const dir = await folder({
      'config.json': configText,
      'model.safetensors': weights({ a: f32(1), ids }),
    });
    const { tensors } = await readCheckpoint(dir);
    expect(tensors.get('a')!.data).toEqual(Float32Array.of(1));
    expect(() => tensors.get('ids')!.data).toThrow(
      `${join(dir, 'model.safetensors')}: tensor "ids": expected floats`,
    );
  });

  const hostile = [
    '../secret.safetensors',
    '..\\secret.safetensors',
    '/etc/passwd.safetensors',
    'C:\\x.safetensors',
    'C:x.safetensors',
    'sub/x.safetensors',
    './x.safetensors',
    '..',
    '.hidden.safetensors',
    '',
    'x.bin',
    'x.safetensors/',
    'x.safetensors\0.bin',
    'x\0.safetensors',
    'x.safetensors\n',
    '%2e%2e%2fx.safetensors',
    'file:x.safetensors',
    'x.safetensors?y.safetensors',
    '-x.safetensors',
    5,
    null,
    ['x.safetensors'],
  ];
  test.each(hostile)('an index that points to %j', async (file) => {
    const dir = await folder({
      'config.json': configText,
      'model.safetensors.index.json': JSON.stringify({ weight_map: { a: file } }),
    });
    await writeFile(join(root, 'secret.safetensors'), weights({ a: f32(1) }));
    expect(await refusal(dir)).toMatch(
      /index\.json: file of "a": expected the plain name of a \.safetensors file, got /,
    );
  });

  test('parts that overlap, or hold what the index puts elsewhere', async () => {
    const read = async (parts: Record<string, Uint8Array>, map: Record<string, string>) =>
      refusal(
        await folder({
          'config.json': configText,
          'model.safetensors.index.json': JSON.stringify({ weight_map: map }),
          ...parts,
        }),
      );
    const [one, two] = ['1.safetensors', '2.safetensors'];
    const [a, b] = [weights({ a: f32(1) }), weights({ b: f32(2) })];
    const both = weights({ a: f32(1), b: f32(2) });
    expect(await read({ [one]: a, [two]: both }, { a: one, b: two })).toMatch(
      /2\.safetensors: tensor "a" is here, but .* does not put/,
    );
    expect(await read({ [one]: a, [two]: b }, { a: two, b: one })).toMatch(
      /2\.safetensors: tensor "a" is missing, but .* puts it here$/,
    );
    const renamed = [weights({ 'L.gamma': f32(1) }), weights({ 'L.weight': f32(2) })];
    expect(
      await read({ [one]: renamed[0], [two]: renamed[1] }, { 'L.gamma': one, 'L.weight': two }),
    ).toMatch(/2\.safetensors: tensor "L\.weight" occurs twice$/);
  });

  test('an index that is broken, or at odds with its parts', async () => {
    const read = async (index: unknown) =>
      refusal(
        await folder({
          'config.json': configText,
          'model.safetensors.index.json': typeof index === 'string' ? index : JSON.stringify(index),
          'part.safetensors': weights({ a: f32(1), b: f32(2) }),
        }),
      );
    expect(await read('{')).toMatch(/index\.json is not valid JSON$/);
    expect(await read([])).toMatch(
      /index\.json: weight_map: expected an object of .*, got undefined/,
    );
    expect(await read({ weight_map: {} })).toMatch(
      /weight_map: expected an object of .*, got \{\}/,
    );
    expect(await read({ weight_map: { a: 'part.safetensors', b: 'gone.safetensors' } })).toMatch(
      new RegExp(
        ' has no gone\\.safetensors, which its model\\.safetensors\\.index\\.json names: ' +
          'download the folder again$',
      ),
    );
    expect(await read({ weight_map: { a: 'part.safetensors' } })).toMatch(
      new RegExp(
        'part\\.safetensors: tensor "b" is here, but model\\.safetensors\\.index\\.json ' +
          'does not put it here$',
      ),
    );
    const three = { a: 'part.safetensors', b: 'part.safetensors', c: 'part.safetensors' };
    expect(await read({ weight_map: three })).toMatch(
      /part\.safetensors: tensor "c" is missing, but .* puts it here$/,
    );
  });
});
