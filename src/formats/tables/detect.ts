import { UsageError } from '../../platform/errors.ts';
import { byteBlocks, byteParts } from './blocks.ts';
import { type Cp949Kinds, countKinds, isKorean } from './cp949.ts';
import { cp949, type Encoding, utf8, utf16be, utf16le } from './encoding.ts';

/** Lines that decide; and where to stop looking for them. */
const ENOUGH_LINES = 1000;
const MAX_BYTES = 1 << 26;

/** How many lines fit which encoding. */
interface Evidence extends Cp949Kinds {
  ascii: number;
  utf8: number;
  cp949: number;
  neither: number;
  /** The number of the first line that is not UTF-8. */
  firstOther?: number;
  line: number;
}

/**
 * Finds the encoding of a text without a byte order mark by strict trial: UTF-8 if more of its
 * lines are UTF-8 than CP949, else CP949 if that gives Korean. Single lines may be broken.
 * @throws UsageError when most lines are neither.
 */
export async function detectEncoding(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): Promise<Encoding> {
  const found: Evidence = {
    ...{ ascii: 0, utf8: 0, cp949: 0, neither: 0, line: 1 },
    ...{ syllables: 0, symbols: 0, rare: 0, hanja: 0, archaic: 0 },
  };
  let size = 0;
  for await (const block of byteBlocks(chunks, 'ascii', 'word', name)) {
    const wide = size === 0 ? utf16Order(block) : null;
    if (wide) return wide;
    weigh(block, found);
    size += block.length;
    const other = found.cp949 + found.neither;
    const isDecided =
      (found.utf8 >= ENOUGH_LINES && other === 0) ||
      (found.cp949 >= ENOUGH_LINES && found.utf8 + found.neither === 0);
    if (isDecided || size >= MAX_BYTES) break;
  }
  return judge(found, name);
}

/** UTF-16 without a mark: more ASCII characters in two bytes than pairs of such in one each. */
function utf16Order(block: Uint8Array): Encoding | null {
  if (!block.includes(0)) return null;
  const counts = { little: 0, big: 0, narrow: 0 };
  const end = Math.min(block.length, 1 << 16) & ~1;
  const isAscii = (byte: number) => byte > 0 && byte < 0x80;
  for (let at = 0; at < end; at += 2) {
    const [first, second] = [block[at], block[at + 1]];
    if (isAscii(first))
      counts[second === 0 ? 'little' : 'narrow'] += isAscii(second) || second === 0 ? 1 : 0;
    else if (first === 0 && isAscii(second)) counts.big++;
  }
  const { little, big, narrow } = counts;
  if (20 * Math.max(little, big) < end || Math.max(little, big) <= narrow) return null;
  return little > big ? utf16le : utf16be;
}

function weigh(block: Uint8Array, found: Evidence): void {
  for (const part of byteParts(block, 'ascii', 'line')) {
    const kind = kindOf(part);
    found[kind]++;
    if (kind === 'cp949') countKinds(part, found);
    if (kind === 'cp949' || kind === 'neither') found.firstOther ??= found.line;
    const last = part[part.length - 1];
    // A CR whose LF is the next part does not end the line yet.
    if (
      last === 0x0a ||
      (last === 0x0d && block[part.byteOffset - block.byteOffset + part.length] !== 0x0a)
    ) {
      found.line++;
    }
  }
}

function kindOf(part: Uint8Array): 'ascii' | 'utf8' | 'cp949' | 'neither' {
  if (part.every((byte) => byte < 0x80)) return 'ascii';
  for (const [kind, encoding] of [
    ['utf8', utf8],
    ['cp949', cp949],
  ] as const) {
    try {
      encoding.decode(part);
      return kind;
    } catch {
      // Try the next.
    }
  }
  return 'neither';
}

function judge(found: Evidence, name: string): Encoding {
  const isMostlyCp949 = found.cp949 > found.utf8 && found.cp949 > found.neither;
  if (isMostlyCp949 && isKorean(found)) return cp949;
  const other = found.cp949 + found.neither;
  if (other > found.ascii + found.utf8)
    throw new UsageError(
      `${name} is neither UTF-8 nor CP949 nor UTF-16 (line ${found.firstOther} is the first that ` +
        'is not UTF-8): save it as UTF-8, or name its encoding (`encoding`), ' +
        "such as 'windows-1252', 'shift_jis' or 'gb18030'",
    );
  return utf8;
}
