import { describe, expect, it } from 'vitest';
import { decodeCp949 } from '../../../src/formats/tables/cp949.ts';
import { read } from './fixtures.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const utf16 = (text: string, big = false, mark = true): Uint8Array => {
  const buffer = Buffer.from((mark ? '\ufeff' : '') + text, 'utf16le');
  return big ? buffer.swap16() : buffer;
};
const joined = (...parts: (string | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(parts.map((part) => Buffer.from(part as string))));

// Python: '정말 뷁 똠방각하 펲'.encode('cp949'), '최악…'.encode('cp949'), '긍정', '부정'
const [good, bad] = [bytes('c1a4b8bb2094ee208c63b9e6b0a2c7cf20bc84'), bytes('c3d6bec7a1a6')];
const [positive, negative] = [bytes('b1e0c1a4'), bytes('bacec1a4')];
const korean = joined('text\tlabel\n', good, '\t', positive, '\n', bad, '\t', negative, '\n');
const expected = [
  ['정말 뷁 똠방각하 펲', '긍정'],
  ['최악…', '부정'],
];
const plain = `text\tlabel\n${expected.map((row) => `${row.join('\t')}\n`).join('')}`;

describe('encodings', () => {
  it.each([
    ['UTF-8', plain, 'UTF-8'],
    ['UTF-8 with a mark', `\ufeff${plain}`, 'UTF-8'],
    ['CP949', korean, 'CP949'],
    ['UTF-16LE', utf16(plain), 'UTF-16LE'],
    ['UTF-16BE', utf16(plain, true), 'UTF-16BE'],
    ['UTF-16LE without a mark', utf16(plain, false, false), 'UTF-16LE'],
    ['UTF-16BE without a mark', utf16(plain, true, false), 'UTF-16BE'],
  ])('reads %s and says which it is', async (_, content, encoding) => {
    for (const ends of ['\n', '\r\n', '\r']) {
      const text =
        ends === '\n' || encoding !== 'UTF-8'
          ? content
          : (content as string).replaceAll('\n', ends);
      const { table, rows, problems } = await read(text, 'a.tsv');
      expect([table.encoding, table.columns]).toEqual([encoding, ['text', 'label']]);
      expect(rows.map(({ line, values }) => [line, ...values])).toEqual(
        expected.map((row, i) => [i + 2, ...row]),
      );
      expect(problems).toEqual([]);
    }
  });

  it.each([
    ['csv', (rows: Uint8Array) => rows],
    ['jsonl', (rows: Uint8Array) => rows],
  ])('reads CP949 in .%s', async (name) => {
    const content =
      name === 'csv'
        ? joined('text,label\n"', good, '",x\n')
        : joined('{"text": "', good, '", "label": "x"}\n');
    const { table, rows } = await read(content, `a.${name}`);
    expect([table.encoding, rows[0].values]).toEqual(['CP949', [expected[0][0], 'x']]);
  });

  it('reads UTF-16 in .json and .csv', async () => {
    const json = await read(utf16(JSON.stringify([{ text: '갊 가' }])), 'a.json');
    expect(json.rows[0].values).toEqual(['갊 가']);
    const csv = await read(utf16('text,label\r\n"갊\r\n가",x\r\n', true), 'a.csv');
    expect(csv.rows[0]).toEqual({ values: ['갊\r\n가', 'x'], line: 2 });
  });

  it('has all characters of CP949', () => {
    expect(decodeCp949(bytes('8141c652a1a1c8feb0a1cafea2e6a2e761'))).toBe('갂힣　힝가龕€®a');
    for (const broken of ['80', 'ff', 'c653', 'a2e8', 'c9a1', 'fea1', 'b0', 'b020', '8140'])
      expect(() => decodeCp949(bytes(broken)), broken).toThrow(TypeError);
  });

  it('keeps a UTF-8 file with broken lines UTF-8, and names them', async () => {
    for (const broken of ['ff', 'c1a4', 'b1e0c1a4b8bb', 'ed95']) {
      const content = joined(plain, bytes(broken), '\tx\n', '좋다\tx\n');
      const { table, rows, problems } = await read(content, 'a.tsv');
      expect([table.encoding, rows.length]).toEqual(['UTF-8', 3]);
      expect(problems).toEqual([{ line: 4, reason: 'not valid UTF-8' }]);
    }
  });

  it('names broken lines of CP949 and UTF-16', async () => {
    const cp949 = await read(joined(korean, 'a', bytes('ff'), '\tx\nb\ty\n'), 'a.tsv');
    expect([cp949.rows.length, cp949.problems]).toEqual([
      ...[3, [{ line: 4, reason: 'not valid CP949' }]],
    ]);
    const wide = joined(utf16(plain), bytes('00d8'), utf16('x\ty\nb\ty\n', false, false));
    const { rows, problems } = await read(wide, 'a.tsv');
    expect([rows.length, problems]).toEqual([3, [{ line: 4, reason: 'not valid UTF-16LE' }]]);
  });

  it.each([
    ['windows-1252', 'e974e920fc626572e47a0962'],
    ['German, whose bytes fit CP949', 'c47267657209620adc6272696709610a'],
    ['Shift JIS', '82c682c482e096ca94920962'],
    ['EUC-JP', 'a4c8a4c6a4e2ccccc7f2a4a4b1c7b2e8a4c7a4b7a4bf0962'],
    ['GBK', 'd5e2b2bfb5e7d3b0b7c7b3a3bac3bfb40962'],
  ])('does not take %s for CP949', async (_, hex) => {
    const content = joined('text\tlabel\n', ...Array.from({ length: 9 }, () => bytes(`${hex}0a`)));
    await expect(read(content, 'a.tsv')).rejects.toThrow('is neither UTF-8 nor CP949 nor UTF-16');
  });

  it.each([
    ['windows-1252', '6974927320636166e9', 'it’s café'],
    ['latin1', '636166e9', 'café'],
    ['latin_1', '636166e9', 'café'],
    ['cp932', '82c682c482e0', 'とても'],
    ['euc-jp', 'a4c8a4c6a4e2', 'とても'],
    ['gb18030', 'd5e2b2bf', '这部'],
    ['MS949', '8c63', '똠'],
    ['utf_8', 'eb9898', '똘'],
  ])('reads %s if it is asked for', async (encoding, hex, text) => {
    const { rows } = await read(joined('text\n', bytes(hex), '\n'), 'a.tsv', { encoding });
    expect(rows[0].values).toEqual([text]);
  });

  it('refuses an unknown encoding and UTF-32', async () => {
    await expect(read('text\n', 'a.tsv', { encoding: 'klingon' })).rejects.toThrow(
      '`encoding`: expected a known encoding, such as utf-8, cp949',
    );
    await expect(read(bytes('fffe0000610000000a000000'), 'a.tsv')).rejects.toThrow('is UTF-32');
  });

  it('keeps a U+FFFD that is in the file, and adds none', async () => {
    const { rows } = await read('text\na\ufffdb\n\ufffd\n', 'a.tsv');
    expect(rows.map(({ values }) => values[0])).toEqual(['a\ufffdb', '\ufffd']);
  });

  it('finds CP949 after a long beginning in ASCII', async () => {
    const content = joined(`text\tlabel\n${'hello\tx\n'.repeat(300_000)}`, good, '\tx\n');
    const { table, rows } = await read(content, 'a.tsv');
    expect([table.encoding, rows.at(-1)]).toEqual([
      ...['CP949', { values: [expected[0][0], 'x'], line: 300_002 }],
    ]);
  });
});
