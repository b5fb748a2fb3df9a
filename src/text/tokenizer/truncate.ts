import { UsageError } from '../../platform/errors.ts';
import { type ResolvedEncodeOptions, strideTooLong } from './encodeOptions.ts';

/** The tokens of one text; all fields have the same length. */
export interface Sequence {
  ids: number[];
  offsets?: [number, number][];
  /** Index of the word of each token. */
  wordIds?: number[];
}

/** A text, or a pair of texts, as tokens. */
export type SequencePair = readonly [first: Sequence, second: Sequence | null];

/** What truncation leaves of a text or pair. */
export interface Truncated {
  /** The row, then those of the windows that overflow: for the fast class, if requested. */
  rows: SequencePair[];
  /** What `BertTokenizer` returns of the tokens that were removed, if requested. */
  overflow?: { overflowingTokens: number[]; numTruncatedTokens: number };
}

/**
 * Cuts the tokens of two texts so that they fit together with their special tokens.
 * @throws UsageError when the strategy cannot reach the length. (Hugging Face's Python class logs
 * that and returns a row that is too long.)
 */
export function truncate(
  first: Sequence,
  second: Sequence | null,
  plan: ResolvedEncodeOptions,
): Truncated {
  const special = plan.addSpecialTokens ? (second ? 3 : 2) : 0;
  const budget = plan.maxLength - special;
  const [a, b] = [first.ids.length, second?.ids.length ?? 0];
  const { fast, returnOverflowingTokens } = plan;
  const cuts = plan.truncation !== 'do_not_truncate' && a + b > budget;
  if (returnOverflowingTokens && !fast && second && plan.truncation === 'longest_first')
    throw new UsageError(
      '`returnOverflowingTokens`: BertTokenizer has none for a pair with ' +
        "`truncation: 'longest_first'`: choose 'only_first' or 'only_second', or BertTokenizerFast",
    );
  // If nothing fits, Rust leaves nothing, whatever the strategy.
  const lengths = !cuts
    ? ([a, b] as const)
    : fast && budget === 0
      ? ([0, 0] as const)
      : truncatedLengths(a, second && b, budget, plan);
  if (!lengths) throw cannotTruncate(plan, first, second, special);
  const overflow =
    returnOverflowingTokens && !fast
      ? {
          overflowingTokens: [
            ...overflowingIds(first, lengths[0], plan.stride),
            ...(second ? overflowingIds(second, lengths[1], plan.stride) : []),
          ],
          numTruncatedTokens: a + b - budget,
        }
      : undefined;
  return { rows: rowsOf(first, second, lengths, plan), overflow };
}

/** The row, then each window of one text with each of the other, in Rust's order. */
function rowsOf(
  first: Sequence,
  second: Sequence | null,
  [a, b]: readonly [number, number],
  { fast, returnOverflowingTokens, stride }: ResolvedEncodeOptions,
): SequencePair[] {
  if (!fast || !returnOverflowingTokens)
    return [[slice(first, 0, a), second && slice(second, 0, b)]];
  const seconds = second ? windows(second, b, stride) : [null];
  const [row, ...more] = windows(first, a, stride).map((window) =>
    seconds.map((other): SequencePair => [window, other]),
  );
  return [row[0], ...more.flat(), ...row.slice(1)];
}

/** Windows of `length` tokens that share `stride` tokens; if nothing fits, the whole text last. */
function windows(sequence: Sequence, length: number, stride: number): Sequence[] {
  const total = sequence.ids.length;
  if (total <= length) return [sequence];
  if (length === 0) return [slice(sequence, 0, 0), sequence];
  if (stride >= length) throw strideTooLong(stride, length);
  const found: Sequence[] = [];
  for (let start = 0, end = 0; end < total; start += length - stride) {
    end = Math.min(start + length, total);
    found.push(slice(sequence, start, end));
  }
  return found;
}

/** The tokens that were removed, after the last `stride` that were kept. */
const overflowingIds = ({ ids }: Sequence, length: number, stride: number): number[] =>
  length === ids.length ? [] : ids.slice(Math.max(0, length - stride));

function slice(sequence: Sequence, start: number, end: number): Sequence {
  const { ids, offsets, wordIds } = sequence;
  if (start === 0 && end === ids.length) return sequence;
  return {
    ids: ids.slice(start, end),
    offsets: offsets?.slice(start, end),
    wordIds: wordIds?.slice(start, end),
  };
}

/**
 * Lengths of the two texts after truncation; undefined if the strategy cannot reach the budget.
 * @param b null without a second text
 */
function truncatedLengths(
  a: number,
  b: number | null,
  budget: number,
  { truncation, maxLength, fast }: ResolvedEncodeOptions,
): readonly [number, number] | undefined {
  if (truncation === 'only_second')
    return b !== null && budget - a >= 1 ? [a, budget - a] : undefined;
  if (truncation === 'longest_first' && b !== null) {
    const lengths = shareBudget(a, b, budget, maxLength, fast);
    return lengths[0] >= 0 && lengths[1] >= 0 ? lengths : undefined;
  }
  // Only one text is cut. It must not vanish, but for Rust's longest_first.
  const least = truncation === 'longest_first' && fast ? 0 : 1;
  const rest = budget - (b ?? 0);
  return rest >= least ? [rest, b ?? 0] : undefined;
}

/** `longest_first`: the shorter text stays if it takes half of the budget or less. */
function shareBudget(
  a: number,
  b: number,
  budget: number,
  maxLength: number,
  fast: boolean,
): readonly [number, number] {
  const half = Math.floor(budget / 2);
  if (Math.min(a, b) <= half) return a > b ? [budget - b, b] : [a, budget - a];
  // Rust cuts each text to maxLength first, so that two very long ones count as equal.
  const firstIsShorter = Math.min(a, maxLength) <= Math.min(b, maxLength);
  return fast && firstIsShorter ? [half, budget - half] : [budget - half, half];
}

function cannotTruncate(
  plan: ResolvedEncodeOptions,
  first: Sequence,
  second: Sequence | null,
  special: number,
): UsageError {
  const { truncation, maxLength } = plan;
  const [a, b] = [first.ids.length, second?.ids.length];
  const texts = second ? `texts of ${a} and ${b} tokens` : `a text of ${a} tokens`;
  return new UsageError(
    `\`truncation: '${truncation}'\` cannot reduce ${texts}, with ${special} special tokens, to ` +
      `\`maxLength\` ${maxLength}: raise it or choose another strategy`,
  );
}
