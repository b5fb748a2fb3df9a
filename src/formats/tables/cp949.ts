/**
 * CP949, Microsoft's extension of EUC-KR (also called UHC). Node's TextDecoder lacks the 8,822
 * syllables that it adds, and reads their bytes as control characters, so the table is built here:
 * the two bytes of EUC-KR from TextDecoder, the rest by their order.
 */

const TRAILS = 0xff - 0x41;
/** In Node's EUC-KR these are missing. */
const ADDED: Record<number, string> = { 41702: '\u20ac', 41703: '\u00ae' };

let table: string[] | undefined;

const indexOf = (lead: number, trail: number): number => (lead - 0x81) * TRAILS + (trail - 0x41);

/**
 * Decodes CP949.
 * @throws TypeError when the bytes are not CP949.
 */
export function decodeCp949(bytes: Uint8Array): string {
  table ??= buildTable();
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte < 0x80) {
      parts.push(String.fromCharCode(byte));
      continue;
    }
    const trail = bytes[++at];
    const char = byte > 0x80 && trail > 0x40 ? table[indexOf(byte, trail)] : undefined;
    if (char === undefined) throw new TypeError('not CP949');
    parts.push(char);
  }
  return parts.join('');
}

function buildTable(): string[] {
  const chars: string[] = [];
  const isListed = new Set<string>();
  for (const [at, char] of koreanCharacters()) {
    chars[at] = char;
    isListed.add(char);
  }
  let code = 0xac00;
  for (let lead = 0x81; lead <= 0xc6; lead++) {
    for (const trail of lead < 0xa1 ? [...LOW_TRAILS, ...HIGH_TRAILS] : LOW_TRAILS) {
      while (isListed.has(String.fromCharCode(code))) code++;
      if (code <= 0xd7a3) chars[indexOf(lead, trail)] = String.fromCharCode(code++);
    }
  }
  return chars;
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);
const LOW_TRAILS = [...range(0x41, 0x5a), ...range(0x61, 0x7a), ...range(0x81, 0xa0)];
const HIGH_TRAILS = range(0xa1, 0xfe);

/** The characters of EUC-KR with two bytes. */
function* koreanCharacters(): Generator<[at: number, char: string]> {
  const decoder = new TextDecoder('euc-kr');
  for (const lead of range(0xa1, 0xfd)) {
    for (const trail of HIGH_TRAILS) {
      const char = ADDED[lead * 256 + trail] ?? decoder.decode(Uint8Array.of(lead, trail));
      // Private use and U+FFFD stand for what is no character.
      if (char.length === 1 && !/[\ue000-\uf8ff\ufffd]/.test(char))
        yield [indexOf(lead, trail), char];
    }
  }
}

/** How often the characters of CP949 text are of each kind. */
export interface Cp949Kinds {
  syllables: number;
  symbols: number;
  /** Syllables that only CP949 has: rare in Korean, frequent where other bytes happen to fit. */
  rare: number;
  hanja: number;
  /** Letters that Korean has no more; Japanese in EUC-JP has its most frequent ones there. */
  archaic: number;
}

/** Counts the characters of bytes that are CP949. */
export function countKinds(bytes: Uint8Array, kinds: Cp949Kinds): void {
  for (let at = 0; at < bytes.length; at++) {
    const lead = bytes[at];
    if (lead < 0x80) continue;
    const trail = bytes[++at];
    if (trail < 0xa1 || lead < 0xa1) kinds.rare++;
    else if (lead === 0xa4 && trail > 0xd3) kinds.archaic++;
    else if (lead < 0xb0) kinds.symbols++;
    else if (lead < 0xc9) kinds.syllables++;
    else kinds.hanja++;
  }
}

/** Whether text of these characters is Korean, rather than another encoding that happens to fit. */
export const isKorean = ({ syllables, symbols, rare, hanja, archaic }: Cp949Kinds): boolean =>
  rare <= syllables + symbols && 4 * hanja <= syllables && 20 * archaic <= syllables;
