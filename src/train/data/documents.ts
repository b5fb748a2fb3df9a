/** Documents that are longer than a model takes, as windows that overlap. */
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';

/** Token ids of a text or pair, special ones included. */
export interface Window {
  inputIds: number[];
  tokenTypeIds: number[];
}

/** @throws UsageError unless `stride` is undefined or a number of tokens. */
export function checkStride(stride: number | undefined): void {
  if (stride !== undefined && !(Number.isSafeInteger(stride) && stride >= 0))
    throw new UsageError(`\`stride\`: expected an integer ≥ 0, got ${formatValue(stride)}`);
}

/**
 * Splits a text into windows of at most `maxLength` tokens that repeat `stride` tokens of the one
 * before, as Hugging Face's tokenizers do. Of a pair, the longer text is split; the other is in
 * each window, cut to half of it if it is longer.
 * @throws UsageError when `stride` leaves a window nothing new.
 */
export function encodeWindows(
  text: string,
  pair: string | undefined,
  tokenizer: BertTokenizer,
  maxLength: number,
  stride: number,
): [Window, ...Window[]] {
  const ids = (some: string) => tokenizer.convertTokensToIds(tokenizer.tokenize(some));
  const first = ids(text);
  if (pair === undefined) {
    const parts = split(first, maxLength - 2, stride);
    return mapAll(parts, (part) => windowOf(part, undefined, tokenizer));
  }
  const second = ids(pair);
  const room = maxLength - 3;
  const isFirstLonger = first.length > second.length;
  const [long, short] = isFirstLonger ? [first, second] : [second, first];
  const kept = first.length + second.length <= room ? short : short.slice(0, room >> 1);
  return mapAll(split(long, room - kept.length, stride), (part) =>
    isFirstLonger ? windowOf(part, kept, tokenizer) : windowOf(kept, part, tokenizer),
  );
}

const mapAll = <T, R>([first, ...rest]: readonly [T, ...T[]], map: (item: T) => R): [R, ...R[]] => [
  map(first),
  ...rest.map(map),
];

function split(ids: number[], length: number, stride: number): [number[], ...number[][]] {
  if (ids.length <= length) return [ids];
  if (stride >= length)
    throw new UsageError(
      `\`stride\`: expected less than the ${Math.max(0, length)} tokens of a window ` +
        `(\`maxLength\` without special tokens and the text that is not split), got ${stride}`,
    );
  const windows: [number[], ...number[][]] = [ids.slice(0, length)];
  for (let begin = length - stride; begin + stride < ids.length; begin += length - stride)
    windows.push(ids.slice(begin, begin + length));
  return windows;
}

function windowOf(
  first: readonly number[],
  second: readonly number[] | undefined,
  { clsTokenId, sepTokenId }: BertTokenizer,
): Window {
  const inputIds = [clsTokenId, ...first, sepTokenId];
  const tokenTypeIds = inputIds.map(() => 0);
  if (!second) return { inputIds, tokenTypeIds };
  return {
    inputIds: [...inputIds, ...second, sepTokenId],
    tokenTypeIds: [...tokenTypeIds, ...second.map(() => 1), 1],
  };
}

/** An example, and the windows of its text after the first. */
type Windowed = Window & { overflow?: readonly Window[] };

/** An example for each window of a document. */
export function windowsOf<E extends Windowed>(example: E): Omit<E, 'overflow'>[] {
  const { overflow = [], ...first } = example;
  return [first, ...overflow.map((window) => ({ ...first, ...window }))];
}

/** The mean over the windows of each document; `rows` are those of all windows, in order. */
export function poolWindows(documents: readonly Windowed[], rows: readonly number[][]): number[][] {
  let at = 0;
  return documents.map(({ overflow = [] }) => {
    const own = rows.slice(at, at + 1 + overflow.length);
    at += own.length;
    if (own.length === 1) return own[0];
    return own[0].map((_, i) => own.reduce((sum, row) => sum + row[i], 0) / own.length);
  });
}
