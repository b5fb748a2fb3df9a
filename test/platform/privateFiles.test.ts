import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as browser from '../../src/platform/browser.ts';
import { closedAfter, fakeNavigator } from '../support/privateFileSystem.ts';

afterEach(() => vi.unstubAllGlobals());

const DIR = 'opfs:/runs/1';
const text = async (path: string) => new TextDecoder().decode(await browser.readBytes(path));

/** Bytes in pieces of memory that several threads see, as weights come from the wasm device. */
async function* sharedPieces(content: string) {
  for (const byte of new TextEncoder().encode(content)) {
    const piece = new Uint8Array(new SharedArrayBuffer(1));
    piece[0] = byte;
    yield piece;
  }
}

describe.each(['worker', 'page'] as const)('in a %s', (where) => {
  beforeEach(() => vi.stubGlobal('navigator', fakeNavigator(where)));

  describe('paths of the private file system', () => {
    it('are written and read back, whatever the content is', async () => {
      await browser.writeFiles(DIR, {
        ...{ a: 'text', b: new TextEncoder().encode('bytes'), c: sharedPieces('weights') },
      });
      expect(await browser.listFolder(DIR)).toEqual(['a', 'b', 'c']);
      expect([await text(`${DIR}/a`), await text(`${DIR}/b`), await text(`${DIR}/c`)]).toEqual([
        ...['text', 'bytes', 'weights'],
      ]);
      expect((await browser.hashFile(`${DIR}/a`)).sha256).toMatch(/^982d9e3eb996f559/);
    });

    it('keep what they had when a content in pieces fails', async () => {
      async function* failing() {
        yield new TextEncoder().encode('we');
        throw new Error('no more');
      }
      await expect(browser.writeFiles(DIR, { a: failing() })).rejects.toThrow('no more');
      expect(await browser.listFolder(DIR)).toEqual([]);
      await browser.writeFiles(DIR, { a: 'old' });
      await expect(browser.writeFiles(DIR, { a: failing() })).rejects.toThrow('no more');
      expect(await text(`${DIR}/a`)).toBe('old');
      expect(await browser.listFolder(DIR)).toEqual(['a']);
    });

    it('may have .. and . in them', async () => {
      await browser.writeFiles(DIR, { a: 'text' });
      expect(await text(`${DIR}/./../1/a`)).toBe('text');
      expect(await browser.isSamePath(`${DIR}/..`, 'opfs:/runs/')).toBe(true);
      expect(await browser.isSamePath(DIR, 'opfs:/runs/2')).toBe(false);
    });

    it('grow by what is added', async () => {
      for (const piece of ['one ', 'two'])
        await browser.appendToFile(DIR, 'log', new TextEncoder().encode(piece));
      expect(await text(`${DIR}/log`)).toBe('one two');
    });

    it('are there or not', async () => {
      await browser.writeFiles(DIR, { a: 'text' });
      expect(await browser.fileExists(`${DIR}/a`)).toBe(true);
      expect(await browser.fileExists(DIR)).toBe(false);
      expect(await browser.pathExists(DIR)).toBe(true);
      expect(await browser.pathExists(`${DIR}/b`)).toBe(false);
      expect(await browser.folderNames('opfs:/runs')).toEqual(['1']);
      await browser.removeFile(`${DIR}/a`);
      await browser.removeFile(`${DIR}/a`);
      expect(await browser.fileExists(`${DIR}/a`)).toBe(false);
    });

    it('are refused with reasons', async () => {
      await browser.writeFiles(DIR, { a: 'text' });
      await expect(browser.readBytes(`${DIR}/b`)).rejects.toThrow('no such file');
      await expect(browser.readBytes(DIR)).rejects.toThrow('is a folder, not a file');
      await expect(browser.listFolder('opfs:/none')).rejects.toThrow('no such folder');
      await expect(browser.listFolder(`${DIR}/a`)).rejects.toThrow('is a file, not a folder');
      await expect(browser.writeFiles('https://a.example', { a: '' })).rejects.toThrow(
        'expected a path of the private file system, such as opfs:/model',
      );
      await expect(browser.writeFiles(DIR, { 'a/b': '' })).rejects.toThrow('got the path a/b');
    });
  });

  describe('a tab that is closed at any moment', () => {
    it('leaves all the old files or all the new ones', async () => {
      const files = (version: string) => ({ a: `a${version}`, b: `b${version}`, c: `c${version}` });
      const seen = new Set<string>();
      for (let changes = 0, closed = true; closed; changes++) {
        await browser.writeFiles(DIR, files('1'));
        closed = await closedAfter(changes, () => browser.writeFiles(DIR, files('2')));
        await browser.recoverWrites(DIR);
        const found = await Promise.all(['a', 'b', 'c'].map((name) => text(`${DIR}/${name}`)));
        expect([Object.values(files('1')), Object.values(files('2'))]).toContainEqual(found);
        seen.add(found[0]);
        await browser.writeFiles(DIR, files('1'));
        expect(await browser.listFolder(DIR)).toEqual(['a', 'b', 'c']);
      }
      expect(seen.size).toBe(2);
    });

    it('leaves the old file or the new one, though it is written in pieces', async () => {
      const seen = new Set<string>();
      for (let changes = 0, closed = true; closed; changes++) {
        await browser.writeFiles(DIR, { a: 'old' });
        expect(await browser.listFolder(DIR)).toEqual(['a']);
        closed = await closedAfter(changes, () =>
          browser.writeFiles(DIR, { a: sharedPieces('weights') }),
        );
        await browser.recoverWrites(DIR);
        seen.add(await text(`${DIR}/a`));
      }
      expect([...seen].sort()).toEqual(['old', 'weights']);
    });

    it('leaves a whole folder, or one that is known to be broken and removed', async () => {
      const folder = `${DIR}/checkpoint-5`;
      for (let changes = 0, closed = true; closed; changes++) {
        closed = await closedAfter(changes, () => browser.writeFolder(folder, { a: 'a', b: 'b' }));
        const damage = await browser.findDamage(folder);
        await browser.recoverFolders(DIR);
        const isThere = await browser.pathExists(folder);
        if (damage !== undefined) expect(isThere).toBe(false);
        if (isThere) expect(await browser.findDamage(folder)).toBeUndefined();
        if (!closed) expect(isThere).toBe(true);
        if (isThere) await browser.removeFolder(folder);
        expect(await browser.listFolder(DIR).catch(() => [])).toEqual([]);
      }
    });
  });

  describe('a checked folder', () => {
    it('tells what is not as it was written', async () => {
      await browser.writeFolder(DIR, { a: 'content' });
      expect(await browser.findDamage(DIR)).toBeUndefined();
      await browser.writeFiles(DIR, { a: 'contend' });
      expect(await browser.findDamage(DIR)).toContain('SHA-256 differs');
      await browser.removeFile(`${DIR}/a`);
      expect(await browser.findDamage(DIR)).toBe('a is missing');
    });

    it('is written by one tab at a time', async () => {
      const unlock = await browser.lockFolder(DIR);
      const patience = new AbortController();
      vi.spyOn(AbortSignal, 'timeout').mockReturnValue(patience.signal);
      setTimeout(() => patience.abort());
      await expect(browser.lockFolder(DIR)).rejects.toThrow('being written to by another tab');
      vi.restoreAllMocks();
      await unlock();
      await (await browser.lockFolder(DIR))();
    });
  });
});
