import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openModelFolder } from '../../src/formats/modelFolder.ts';
import { UsageError } from '../../src/platform/errors.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-folder-'));
afterAll(() => rm(root, { recursive: true }));

const files: Record<string, string> = {
  'config.json': '{"model_type": "bert"}',
  'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n',
  'model.safetensors': 'weights',
};

/** A folder with these files; those that are null are left out. */
async function folder(changed: Record<string, string | null> = {}): Promise<string> {
  const dir = await mkdtemp(join(root, 'model-'));
  for (const [name, text] of Object.entries({ ...files, ...changed }))
    if (text !== null) await writeFile(join(dir, name), text);
  return dir;
}

async function refusal(dir: string): Promise<string> {
  const error = await openModelFolder(dir).then(
    () => expect.fail('nothing was refused'),
    (caught: Error) => caught,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).not.toContain('\n');
  return error.message;
}

describe('the wrong path: the right one is said', () => {
  test('a folder too high, with one model in it or several', async () => {
    const dir = await mkdtemp(join(root, 'high-'));
    await cp(await folder(), join(dir, 'checkpoint-5'), { recursive: true });
    expect(await refusal(dir)).toMatch(/ has no config\.json; .*the folder in it: .*checkpoint-5$/);
    await cp(join(dir, 'checkpoint-5'), join(dir, 'checkpoint-9'), { recursive: true });
    expect(await refusal(dir)).toMatch(/one of these folders in it: .*checkpoint-5, .*-9$/);
  });

  test('a folder too deep', async () => {
    const dir = await folder();
    await mkdir(join(dir, 'onnx'));
    expect(await refusal(join(dir, 'onnx'))).toMatch(
      new RegExp(`give the folder it is in, ${dir}$`),
    );
    expect(await refusal(`${dir}/onnx/`)).toMatch(new RegExp(`give the folder it is in, ${dir}$`));
  });

  test.each(['config.json', 'model.safetensors', 'vocab.txt'])('%s itself', async (name) => {
    const dir = await folder();
    expect(await refusal(join(dir, name))).toBe(
      `cannot read ${join(dir, name)}: is a file, not a folder: give its folder, ${dir}`,
    );
  });

  test('an archive, and another file', async () => {
    const dir = await folder({ 'm.zip': '', 'a.csv': '' });
    expect(await refusal(join(dir, 'm.zip'))).toMatch(/not a folder: unpack it$/);
    expect(await refusal(join(dir, 'a.csv'))).toMatch(/not a folder$/);
  });

  test("Google's release, with and without its checkpoint", async () => {
    const none = { 'config.json': null, 'vocab.txt': null, 'model.safetensors': null };
    const old = { ...none, 'bert_config.json': '{}' };
    expect(await refusal(await folder({ ...old, 'bert_model.ckpt.index': '' }))).toMatch(
      / has no config\.json; .*: make a model\.safetensors .*bert_model\.ckpt\.index/,
    );
    expect(await refusal(await folder(old))).toMatch(/: copy bert_config\.json to config\.json$/);
  });
});

describe('files that are not what their names say', () => {
  test.each(['config.json', 'model.safetensors', 'vocab.txt'])('%s', async (name) => {
    const lfs = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n';
    expect(await refusal(await folder({ [name]: lfs }))).toMatch(/is a pointer of Git LFS/);

    const isFolder = await folder({ [name]: null });
    await mkdir(join(isFolder, name));
    expect(await refusal(isFolder)).toMatch(/: is a folder, not a file$/);

    const isPipe = await folder({ [name]: null });
    execFileSync('mkfifo', [join(isPipe, name)]);
    expect(await refusal(isPipe)).toMatch(/: is a pipe, not a file$/);
  });

  test.each([
    ['config.json', 10_000_000],
    ['tokenizer.json', 200_000_000],
    ['vocab.txt', 200_000_000],
  ])('%s of any size', async (name, limit) => {
    const dir = await folder({ [name]: '' });
    await truncate(join(dir, name), limit);
    await openModelFolder(dir);
    await truncate(join(dir, name), limit + 1);
    expect(await refusal(dir)).toMatch(`expected at most ${limit} bytes, got ${limit + 1}`);
  });

  test.each([[{}], [{ a: 1 }], [[['x']]], [5]])('architectures %j', async (name) => {
    const dir = await folder({ 'config.json': JSON.stringify({ architectures: [name] }) });
    await expect((await openModelFolder(dir)).architecture()).rejects.toThrow(
      /config\.json: architectures: expected a list of names, got \[/,
    );
  });
});

const secret = join(root, 'secret');
await writeFile(secret, 'x');
const elsewhere = await folder();

describe('links', () => {
  const link = async (name: string, target: string): Promise<string> => {
    const dir = await folder({ [name]: null, 'other.bin': 'x' });
    await symlink(target, join(dir, name));
    return dir;
  };
  test.each(['config.json', 'model.safetensors', 'vocab.txt'])(
    '%s may not lead to another file outside, directly or by a second link',
    async (name) => {
      expect(await refusal(await link(name, secret))).toMatch(/ is a link to .*secret, out of the/);
      expect(await refusal(await link(name, '../secret'))).toMatch(/secret, out of the folder/);
      const dir = await link(name, `sub/${name}`);
      await mkdir(join(dir, 'sub'));
      await symlink(secret, join(dir, 'sub', name));
      expect(await refusal(dir)).toMatch(/ is a link to .*secret, out of the folder/);
      expect(await refusal(await link(name, '/dev/zero'))).toMatch(/\/dev\/zero, out of the/);
      expect(await refusal(await link(name, 'nowhere'))).toMatch(/nowhere, which cannot be/);
    },
  );

  test.each(['config.json', 'model.safetensors', 'vocab.txt'])(
    '%s may lead to a file of the folder, or to one of its name elsewhere',
    async (name) => {
      await openModelFolder(await link(name, 'other.bin'));
      await openModelFolder(await link(name, join(elsewhere, name)));
      const whole = join(await mkdtemp(join(root, 'whole-')), 'model');
      await symlink(elsewhere, whole);
      await openModelFolder(whole);
    },
  );

  test("a snapshot of the hub's cache is links to blobs of its own", async () => {
    const repository = await mkdtemp(join(root, 'models--'));
    const snapshot = join(repository, 'snapshots', 'abc');
    for (const dir of [snapshot, join(repository, 'blobs')]) await mkdir(dir, { recursive: true });
    for (const [i, name] of Object.keys(files).entries()) {
      await writeFile(join(repository, 'blobs', String(i)), files[name]);
      await symlink(`../../blobs/${i}`, join(snapshot, name));
    }
    await openModelFolder(snapshot);
    const other = await mkdtemp(join(root, 'other-'));
    await symlink(snapshot, join(other, 'link'));
    await openModelFolder(join(other, 'link'));
    await rm(join(snapshot, 'vocab.txt'));
    await symlink('../../../secret', join(snapshot, 'vocab.txt'));
    expect(await refusal(snapshot)).toMatch(/secret, out of the folder/);
  });
});
