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
    case 'flattenedCells':
      console.error(
        `tabs and line ends became blanks in ${event.cells} cells: TSV cannot hold them ` +
          '(CSV and JSONL can)',
      );
      break;
    case 'encoding':
      console.error(`${event.path}: read as ${event.encoding}; another can be set with --encoding`);
      break;
    case 'columns':
      console.error(
        `${event.path}: words are column ${event.words} of ${event.count}, ` +
          `tags column ${event.tags}; others can be set with --text-column and --label-column`,
      );
      break;
    case 'lostWords':
      console.error(
        `${event.path}: ${event.lost} of ${event.words} words are left out: ` +
          'cut off (--max-length) or without a token',
      );
      break;
    case 'unknownPieces': {
      const advice =
        vocab && !cased
          ? `add --cased if ${vocab} keeps case and accents (Korean ones do), ` +
            'else give another --vocab'
          : 'the vocabulary does not fit these texts';
      console.error(
        `${event.path}: ${percent(event.share)} of the pieces are [UNK], ` +
          `and nothing is learnt from them: ${advice}`,
      );
      break;
    }
    case 'weights':
      for (const line of weightLines(event)) console.error(line);
      break;
    case 'download':
      if (!silent) showDownload(event);
      break;
  }
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

/** Prints on standard error which rows of a file were skipped. */
export function reportProblems(
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
