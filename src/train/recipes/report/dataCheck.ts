/** What of the data people should know: what `checkData` finds, as the page of a run shows it. */
import { isReadOnce } from '../../../platform/byteSource.ts';
import { UsageError } from '../../../platform/errors.ts';
import { type CheckDataOptions, type CheckDataResult, checkData } from '../checkData.ts';
import type { FileCheck } from '../fileChecker.ts';
import { counted, fileName, percent, whole } from './figures.ts';
import { given, type Html, html, table } from './html.ts';
import type { RunReport } from './runReport.ts';

type ReportCheck = NonNullable<RunReport['data']['check']>;

/**
 * Looks through the files of a run once more; undefined if they can no longer be read, or `signal`
 * is aborted: the run itself has ended well.
 * @param options the folder of the run, whose tokenizer counts, as `model`
 */
export async function checkOfRun(
  options: CheckDataOptions,
  signal?: AbortSignal,
): Promise<ReportCheck | undefined> {
  for (const file of options.files) if (await isReadOnce(file)) return undefined;
  try {
    const { files, shared } = await checkData(options, { signal });
    return { files: files.map(rowOf), shared: shared.map(sharedOf) };
  } catch (error) {
    if (error instanceof UsageError || signal?.aborted) return undefined;
    throw error;
  }
}

const rowOf = (check: FileCheck): ReportCheck['files'][number] => {
  const { file, rows, broken, unlabelled, empty, duplicates, conflicts, decomposed } = check;
  return {
    ...{ file, rows, broken: broken.count, unlabelled: unlabelled.count, empty: empty.count },
    ...{ duplicates: duplicates.rows, conflicts: conflicts.texts, decomposed: decomposed.count },
    conflictLines: conflicts.first.map(({ lines }) => lines),
    ...(check.unknown && {
      unknown: check.unknown.pieces === 0 ? 0 : check.unknown.unknown / check.unknown.pieces,
      characters: check.unknown.characters.map(({ character }) => character),
    }),
  };
};

const sharedOf = ({ files, texts }: CheckDataResult['shared'][number]) => ({ files, texts });

const right = (title: string) => ({ title, right: true }) as const;

/** Rows that a training is better without, file by file. */
export function checkTable({ files, shared }: ReportCheck): Html {
  const columns = [
    ...['usable rows', 'broken', 'no label', 'empty', 'repeated', 'two labels', 'NFD', '[UNK]'],
  ].map(right);
  const rows = files.map((each) => [
    given(fileName(each.file), 60),
    ...[each.rows, each.broken, each.unlabelled, each.empty].map(whole),
    ...[each.duplicates, each.conflicts, each.decomposed].map(whole),
    each.unknown === undefined ? '–' : percent(each.unknown),
  ]);
  const notes = [
    ...files.flatMap(({ file, conflictLines }) =>
      conflictLines.length === 0
        ? []
        : [
            html`The same text has two labels in ${given(fileName(file), 60)}: lines ${conflictLines
              .map(([a, b]) => `${a} and ${b}`)
              .join(', ')}${conflictLines.length > 4 && ', …'}. `,
          ],
    ),
    ...files.flatMap(({ file, characters = [] }) =>
      characters.length === 0
        ? []
        : [
            html`Characters of ${given(fileName(file), 60)} that the vocabulary lacks:
${given(characters.join(' '))}. `,
          ],
    ),
    ...shared.map(
      ({ files: [a, b], texts }) =>
        html`${counted(texts, 'text is', 'texts are')} both in ${given(fileName(a), 60)} and
${given(fileName(b), 60)}: what is measured there was learned. `,
    ),
  ];
  return html`${table('What was found in the files', ['file', ...columns], rows)}
${notes.length > 0 && html`<p class="note">${notes}</p>`}`;
}
