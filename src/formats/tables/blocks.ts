import { UsageError } from '../../platform/errors.ts';
import { joinBytes } from '../../platform/joinBytes.ts';
import { decodeLeniently, type Encoding } from './encoding.ts';

/** Bytes that are decoded at once, if they hold the end of a line. */
const BLOCK_BYTES = 1 << 20;
const MAX_LINE_BYTES = 1 << 26;

/** Where blocks end: at the end of a line, or also at a blank, comma, quote or the like. */
export type Cut = 'line' | 'word';

/** A part of a text; a block ends with a line or word. */
export interface TextBlock {
  text: string;
  /** Where the block has parts (lines or words) that are not in the encoding: offsets in `text`. */
  invalid: readonly (readonly [begin: number, end: number])[];
}

/** Gathers pieces of bytes into blocks that end with a line or word. */
export async function* byteBlocks(
  chunks: AsyncIterable<Uint8Array>,
  width: Encoding['width'],
  cut: Cut,
  name: string,
): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let size = 0;
  let wanted = BLOCK_BYTES;
  for await (const chunk of chunks) {
    pending.push(chunk);
    size += chunk.length;
    if (size < wanted) continue;
    const bytes = joined(pending);
    const end = lastCut(bytes, width, cut);
    if (end > 0) yield bytes.subarray(0, end);
    pending = [bytes.subarray(end)];
    size -= end;
    // A long line must not be joined and searched again with each piece.
    wanted = Math.max(BLOCK_BYTES, 2 * size);
    if (size > MAX_LINE_BYTES)
      throw new UsageError(
        `${name} has a line of more than ${MAX_LINE_BYTES >> 20} MiB: is it the file you mean?`,
      );
  }
  if (size > 0) yield joined(pending);
}

const joined = (pieces: readonly Uint8Array[]): Uint8Array =>
  pieces.length === 1 ? pieces[0] : joinBytes(pieces);

const LF = 0x0a;
const CR = 0x0d;

/** The offset after the last end of a line (or word), 0 if there is none. */
function lastCut(bytes: Uint8Array, width: Encoding['width'], cut: Cut): number {
  if (width === 'ascii') {
    const newline = bytes.lastIndexOf(LF);
    if (newline >= 0) return newline + 1;
  }
  const step = width === 'ascii' ? 1 : 2;
  let wordEnd = 0;
  // The last character may be a CR whose LF is yet to come.
  for (let at = Math.floor(bytes.length / step) * step - 2 * step; at >= 0; at -= step) {
    const unit = unitAt(bytes, at, width);
    if (unit === LF || unit === CR)
      return at + step + (unit === CR && unitAt(bytes, at + step, width) === LF ? step : 0);
    if (unit < 0x30 && wordEnd === 0) wordEnd = at + step;
    if (cut === 'word' && wordEnd > 0) return wordEnd;
  }
  return 0;
}

function unitAt(bytes: Uint8Array, at: number, width: Encoding['width']): number {
  if (width === 'ascii') return bytes[at];
  return width === 'utf-16le' ? bytes[at] | (bytes[at + 1] << 8) : (bytes[at] << 8) | bytes[at + 1];
}

/** The lines (or words) of a block of bytes, with their ends. */
export function* byteParts(
  bytes: Uint8Array,
  width: Encoding['width'],
  cut: Cut,
): Generator<Uint8Array> {
  const step = width === 'ascii' ? 1 : 2;
  let begin = 0;
  for (let at = 0; at < bytes.length; at += step) {
    const unit = unitAt(bytes, at, width);
    if (unit !== LF && unit !== CR && !(cut === 'word' && unit < 0x30)) continue;
    yield bytes.subarray(begin, at + step);
    begin = at + step;
  }
  if (begin < bytes.length) yield bytes.subarray(begin);
}

/** Decodes blocks; what is not in the encoding is marked. */
export function decodeBlock(bytes: Uint8Array, encoding: Encoding, cut: Cut): TextBlock {
  try {
    return { text: encoding.decode(bytes), invalid: [] };
  } catch {
    let text = '';
    const invalid: [number, number][] = [];
    for (const part of byteParts(bytes, encoding.width, cut)) {
      const begin = text.length;
      try {
        text += encoding.decode(part);
      } catch {
        text += decodeLeniently(encoding, part);
        invalid.push([begin, text.length]);
      }
    }
    return { text, invalid };
  }
}
