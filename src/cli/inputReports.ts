import type { RowProblem } from '../formats/tables/rows.ts';
import { formatNames } from '../platform/format.ts';
import type { InputEvent } from '../train/recipes/events.ts';
import { showDownload } from './download.ts';
import { percent } from './table.ts';

/** Prints on standard error what a recipe reports of its data and its model. */
export function reportInput(
  event: InputEvent,
  silent: boolean,
  { vocab, cased }: { vocab?: string; cased?: boolean } = {},
): void {
  switch (event.event) {
    case 'skippedRows':
      reportProblems(event.path, event.problems, event.count);
      break;
    case 'weights':
      for (const line of weightLines(event)) console.error(line);
      break;
    case 'download':
      if (!silent) showDownload(event);
      break;
    default:
      console.error(lineOf(event, vocab && !cased ? vocab : undefined));
  }
}

type LineEvent = Exclude<InputEvent, { event: 'skippedRows' | 'weights' | 'download' }>;

/**
 * What is said of data in one line.
 * @param lowered vocabulary of a fresh model whose tokenizer lower-cases
 */
function lineOf(event: LineEvent, lowered: string | undefined): string {
  switch (event.event) {
    case 'encoding':
      return `${event.path}: read as ${event.encoding}; another can be set with --encoding`;
    case 'columns':
      return (
        `${event.path}: words are column ${event.words} of ${event.count}, ` +
        `tags column ${event.tags ?? 'none'}; ` +
        'others can be set with --text-column and --label-column'
      );
    case 'flattenedCells':
      return (
        `tabs and line ends became blanks in ${event.cells} cells: TSV cannot hold them ` +
        '(CSV and JSONL can)'
      );
    case 'lateKeys':
      return (
        `${event.path}: keys that occur late in the file are no columns: ` +
        `${formatNames(event.keys)} (JSONL keeps them)`
      );
    case 'duplicateColumns':
      return (
        `${event.path}: several columns are named ${formatNames(event.columns)}: ` +
        'the first of them is read'
      );
    case 'truncated':
    case 'windows':
    case 'balanced':
    case 'fewerLabels':
      return countLine(event);
    case 'lostWords':
      return `${event.path}: ${lostWords(event)}`;
    case 'unknownPieces':
      return `${event.path}: ${unknownPieces(event, lowered)}`;
    case 'loweredVocabulary':
      return (
        `${event.path}: the tokenizer takes away capitals or accents, which ` +
        `${percent(event.share)} of its vocabulary has: ${caseAdvice(lowered)}`
      );
    case 'noEntityScores':
      return (
        `${event.path}: tags are measured by accuracy, not by the F1 of entities: ` +
        `${event.tags.length} of ${event.of} mark no entity in the way of B-PER, I-PER and O ` +
        `(${formatNames(event.tags, 3)})`
      );
    case 'thresholds':
      return (
        `${event.model}: labels are given above the probabilities that training found best ` +
        `(${formatNames(thresholdNames(event.thresholds))}); another can be set with --threshold`
      );
    case 'abstained':
      return (
        `${event.abstained} of ${event.of} texts get no label: the most probable one is less ` +
        `probable than ${event.below} (--abstain-below)`
      );
    case 'head':
      return headLine(event);
  }
}

const thresholdNames = (thresholds: Readonly<Record<string, number>>): string[] =>
  Object.entries(thresholds).map(([label, value]) => `${label} ${Number(value.toFixed(3))}`);

type EventOf<K extends LineEvent['event']> = Extract<LineEvent, { event: K }>;

/** Lines of how many texts, examples or labels something holds for. */
function countLine(event: EventOf<'truncated' | 'windows' | 'balanced' | 'fewerLabels'>): string {
  switch (event.event) {
    case 'truncated':
      return (
        `${event.path}: ${event.cut} of ${event.texts} texts are cut: ` +
        `they are longer than ${event.maxLength} tokens (--max-length)`
      );
    case 'windows':
      return (
        `${event.path}: ${event.split} of ${event.texts} texts are longer than ` +
        `${event.maxLength} tokens: they are read in ${event.windows} windows (--stride)`
      );
    case 'balanced':
      return (
        `${event.path}: ${event.before} examples to train on become ${event.after}: ` +
        'those of rarer classes are repeated (--balance)'
      );
    case 'fewerLabels':
      return (
        `${event.model} has ${event.labels} labels: all of them are given ` +
        `(--top-k ${event.topK})`
      );
  }
}

function lostWords({ words, cut, withoutToken, maxLength }: EventOf<'lostWords'>): string {
  const parts = [
    ...(cut > 0 ? [`${cut} cut off after ${maxLength} tokens (--max-length)`] : []),
    ...(withoutToken > 0 ? [`${withoutToken} without a token, such as blanks`] : []),
  ];
  return `${cut + withoutToken} of ${words} words are left out: ${parts.join(', ')}`;
}

const caseAdvice = (lowered: string | undefined): string =>
  lowered === undefined
    ? 'set do_lower_case to false in tokenizer_config.json if the model was trained so'
    : `add --cased if ${lowered} keeps case and accents (Korean ones do)`;

function unknownPieces(
  { share, unread, texts, cause }: EventOf<'unknownPieces'>,
  lowered: string | undefined,
): string {
  const what = `${percent(share)} of the pieces are [UNK], which tell the model nothing`;
  const most = unread > 0 ? `, and most of the pieces of ${unread} of ${texts} texts` : '';
  if (cause === 'decomposed')
    return `${what}${most}: the texts are in decomposed form (NFD); convert them to NFC`;
  if (lowered !== undefined)
    return `${what}${most}: ${caseAdvice(lowered)}, else give another --vocab`;
  if (cause === 'lowerCase') return `${what}${most}: ${caseAdvice(undefined)}`;
  // Below that, the vocabulary fits most texts.
  return `${what}${most}: the vocabulary does not fit ${share > 0.2 ? 'these' : 'those'} texts`;
}

function headLine({ model, action, from, to }: EventOf<'head'>): string {
  const [before, after] = [formatNames(from), formatNames(to)];
  return action === 'renamed'
    ? `${model}: its classifier is kept, and its outputs (${before}) are named ${after}`
    : `${model}: its classifier (${before}) is replaced by a new one (${after})`;
}

function weightLines({
  model,
  missing,
  unexpected,
}: Extract<InputEvent, { event: 'weights' }>): string[] {
  const lines: string[] = [];
  if (missing.length > 0) lines.push(`${model} lacks ${formatNames(missing)}: set at random`);
  if (unexpected.length > 0)
    lines.push(`${model} has weights that are not used: ${formatNames(unexpected)}`);
  return lines;
}

function reportProblems(
  path: string,
  problems: readonly RowProblem[],
  count = problems.length,
): void {
  if (count === 0) return;
  const rows = count === 1 ? 'row was' : 'rows were';
  console.error(`${path}: ${count} broken ${rows} skipped:`);
  for (const { line, reason } of problems.slice(0, 5)) console.error(`  line ${line}: ${reason}`);
  if (count > 5) console.error(`  … and ${count - 5} more`);
}
