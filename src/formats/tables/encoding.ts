import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { decodeCp949 } from './cp949.ts';

/** An encoding of texts. */
export interface Encoding {
  /** As it is called in messages, such as `UTF-8` or `CP949`. */
  readonly name: string;
  /** Where the bytes of ASCII characters stand: in one byte each, or in the low or high of two. */
  readonly width: 'ascii' | 'utf-16le' | 'utf-16be';
  /**
   * Decodes whole characters.
   * @throws TypeError when they are not in this encoding.
   */
  decode(bytes: Uint8Array): string;
}

const strictDecoder = (label: string) => {
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
  return (bytes: Uint8Array) => decoder.decode(bytes);
};

const utf16 = (width: 'utf-16le' | 'utf-16be'): Encoding => ({
  name: width.toUpperCase(),
  width,
  decode: strictDecoder(width),
});

export const utf8: Encoding = { name: 'UTF-8', width: 'ascii', decode: strictDecoder('utf-8') };
export const utf16le = utf16('utf-16le');
export const utf16be = utf16('utf-16be');
export const cp949: Encoding = { name: 'CP949', width: 'ascii', decode: decodeCp949 };

/** What stands for 0x80 to 0x9f in windows-1252; Node's TextDecoder reads ISO 8859-1 instead. */
const HIGH_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

const windows1252: Encoding = {
  name: 'windows-1252',
  width: 'ascii',
  decode: (bytes) =>
    Array.from(bytes, (byte) =>
      byte >= 0x80 && byte < 0xa0 ? HIGH_1252[byte - 0x80] : String.fromCharCode(byte),
    ).join(''),
};

/** Names that Python, Java and Windows use, for the labels of the Encoding Standard. */
const aliases: Record<string, string> = {
  'utf-8-sig': 'utf-8',
  'latin-1': 'latin1',
  'utf-16-le': 'utf-16le',
  'utf-16-be': 'utf-16be',
  cp949: 'euc-kr',
  ms949: 'euc-kr',
  uhc: 'euc-kr',
  euckr: 'euc-kr',
  cp932: 'shift_jis',
  ms932: 'shift_jis',
  cp936: 'gbk',
  cp950: 'big5',
};

const own: Record<string, Encoding> = {
  'utf-8': utf8,
  'utf-16le': utf16le,
  'utf-16be': utf16be,
  'euc-kr': cp949,
  'windows-1252': windows1252,
};

/**
 * The encoding of a name, such as `utf-8`, `cp949`, `utf_16` or any label of the Encoding Standard.
 * @throws UsageError for an unknown one.
 */
export function encodingOf(name: string): Encoding {
  const label = name.trim().toLowerCase();
  for (const known of [label, label.replaceAll('_', '-')]) {
    const alias = Object.hasOwn(aliases, known) ? aliases[known] : known;
    try {
      const { encoding } = new TextDecoder(alias, { fatal: true });
      if (Object.hasOwn(own, encoding)) return own[encoding];
      return { name: encoding, width: 'ascii', decode: strictDecoder(encoding) };
    } catch {
      // Not a label.
    }
  }
  throw new UsageError(
    `\`encoding\`: expected a known encoding, such as utf-8, cp949, utf-16, shift_jis, gb18030, ` +
      `big5 or windows-1252, got ${formatValue(name)}`,
  );
}

/** The encoding that a byte order mark tells, and the length of the mark. */
export function byteOrderMark(bytes: Uint8Array): { encoding: Encoding; length: number } | null {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return { encoding: utf8, length: 3 };
  if (first === 0xff && second === 0xfe) return { encoding: utf16le, length: 2 };
  if (first === 0xfe && second === 0xff) return { encoding: utf16be, length: 2 };
  return null;
}

/** Decodes bytes, with U+FFFD for what is not in the encoding. */
export function decodeLeniently({ name, width }: Encoding, bytes: Uint8Array): string {
  const label = width === 'ascii' ? (name === 'CP949' ? 'euc-kr' : name.toLowerCase()) : width;
  return new TextDecoder(label, { ignoreBOM: true }).decode(bytes);
}
