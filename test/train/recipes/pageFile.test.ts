import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assemblePage,
  bytesToText,
  FILES_MARK,
  fileElement,
  fileOfElement,
  textToBytes,
} from '../../../src/train/recipes/pageFile.ts';

const template = `<!doctype html><html lang="en"><head><title>A</title></head>
<body>${FILES_MARK}<script>1</script></body></html>`;

/** Text and name of each file of a page. */
const filesOf = (page: string): [string, string][] =>
  Array.from(
    page.matchAll(/<script type="text\/plain" data-file="([^"]*)">([^<]*)<\/script>/g),
    ([, name, text]) => [name, text],
  );

describe('bytesToText', () => {
  it('keeps every byte, at every place among the seven that a cycle has', () => {
    for (let shift = 0; shift < 7; shift++) {
      const bytes = Uint8Array.from({ length: 256 + shift }, (_, i) => Math.max(0, i - shift));
      expect(textToBytes(bytesToText(bytes))).toEqual(bytes);
    }
  });

  it('keeps bytes of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(textToBytes(bytesToText(bytes))).toEqual(bytes);
      }),
      { seed: 1 },
    );
  });

  it('writes nothing that an HTML parser changes or takes for markup', () => {
    const bytes = Uint8Array.from({ length: 7 * 256 }, (_, i) => (i * 37 + (i >> 8)) % 256);
    expect(bytesToText(bytes)).not.toMatch(/[\0\n\r<\ud800-\udfff]/);
  });

  it('takes 18 % more bytes of UTF-8', () => {
    let seed = 1;
    const bytes = Uint8Array.from({ length: 70_000 }, () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed >> 16;
    });
    const size = new TextEncoder().encode(bytesToText(bytes)).length;
    expect(size / bytes.length).toBeLessThan(1.19);
  });

  it('refuses more bytes than a text can hold before it makes one', () => {
    for (const length of [470e6, 1e9])
      expect(() => bytesToText(new Uint8Array(length))).toThrow(
        'the model is too large for a page of one file: expected at most about 500 MB',
      );
  });
});

describe('assemblePage', () => {
  const weights = new Uint8Array(new Float32Array(1001).map((_, i) => Math.sin(i)).buffer);
  const files = {
    'config.json': new TextEncoder().encode('{"a": "</script>"}'),
    'model.safetensors': weights.subarray(1),
    'vocab.txt': new Uint8Array(0),
  };

  it('gives each file back', async () => {
    const page = await assemblePage(template, files);
    const read = new Map(filesOf(page));
    expect([...read.keys()]).toEqual(Object.keys(files));
    for (const [name, bytes] of Object.entries(files))
      expect(await fileOfElement(name, read.get(name)!)).toEqual(bytes);
  });

  it('is a template again without its files', async () => {
    const page = await assemblePage(template, files);
    const bare = page.replaceAll(/<script type="text\/plain"[^<]*<\/script>/g, '');
    expect(bare).toBe(template);
  });

  it('sets the title as text, and the language', async () => {
    const page = await assemblePage(template, {}, { title: '<b> & $1', language: 'ko' });
    expect(page).toContain('<title>&lt;b&gt; &amp; $1</title>');
    expect(page).toContain('<html lang="ko">');
  });

  it('refuses a text that is no template', async () => {
    for (const text of ['', '<html></html>', template + FILES_MARK])
      await expect(assemblePage(text, files)).rejects.toThrow(
        'template: expected <!--files--> in it once, got another text',
      );
  });

  it('compresses weights better than as they stand', async () => {
    const noise = new Float32Array(5000).map((_, i) => Math.sin(i * 12.9898) * 0.02);
    const bytes = new Uint8Array(noise.buffer);
    const [planes, plain] = await Promise.all([
      fileElement('a.safetensors', bytes),
      fileElement('a.bin', bytes),
    ]);
    expect(planes.length).toBeLessThan(plain.length * 0.97);
  });
});
