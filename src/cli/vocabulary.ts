import { basename, dirname } from 'node:path';
import { modelFiles } from '../formats/modelFiles.ts';
import { isTable } from '../formats/tables/format.ts';
import { isValidUtf8, type Line, openLines } from '../formats/tables/lines.ts';
import { INVALID_UTF8, type RowProblem } from '../formats/tables/rows.ts';
import { writeFiles } from '../platform/atomicWrite.ts';
import { BertTokenizer } from '../text/tokenizer/index.ts';
import { trainWordPiece, type WordPieceTrainerOptions } from '../text/vocabulary/index.ts';
import type { ColumnOptions } from '../train/data/columns.ts';
import { readData } from '../train/data/labelledData.ts';
import { reportProblems } from './inputReports.ts';

type Columns = Pick<ColumnOptions, 'textColumn' | 'pairColumn'>;

interface VocabOptions
  extends Columns,
    Required<Pick<WordPieceTrainerOptions, 'minFrequency' | 'limitAlphabet' | 'score'>> {
  vocabSize: number;
  out: string;
  cased?: boolean;
  json?: boolean;
}

/** Learns a vocabulary from files, writes it and prints what it covers. */
export async function learnVocabulary(files: string[], options: VocabOptions): Promise<void> {
  const { vocabSize, out, cased, textColumn, pairColumn, json, ...trainer } = options;
  const sources: Iterable<string>[] = [];
  for (const file of files) sources.push(await textsOf(file, { textColumn, pairColumn }));
  const { vocab, coverage } = trainWordPiece(concatenated(sources), {
    ...trainer,
    vocabSize,
    lowercase: !cased,
  });
  const written = new BertTokenizer(vocab, { doLowerCase: !cased }).files();
  if (out.endsWith('.txt'))
    await writeFiles(dirname(out), { [basename(out)]: written[modelFiles.vocab] });
  else await writeFiles(out, written);
  if (json) {
    console.log(JSON.stringify({ out, size: vocab.length, coverage }));
    return;
  }
  const known = (100 * coverage).toFixed(2);
  console.log(`${out}: ${vocab.length} entries; ${known} % of the words are split without [UNK]`);
  if (vocab.length < vocabSize)
    console.error(
      `fewer than the ${vocabSize} of --size: no other pair occurs ${trainer.minFrequency} times`,
    );
}

/** The texts of a table, or the lines of any other file. */
async function textsOf(file: string, columns: Columns): Promise<Iterable<string>> {
  if (columns.textColumn === undefined) {
    const lines = await openLines(file);
    if (!isTable(file, lines)) return validLines(file, lines());
  }
  const { examples, problems } = await readData(file, { ...columns, labelOptional: true });
  reportProblems(file, problems);
  return examples.flatMap(({ text, pair }) => (pair === undefined ? [text] : [text, pair]));
}

/** The lines of a file; reports those that are not text. */
function* validLines(file: string, lines: Iterable<Line>): Generator<string> {
  const problems: RowProblem[] = [];
  for (const line of lines) {
    if (isValidUtf8(line)) yield line.text;
    else problems.push({ line: line.line, reason: INVALID_UTF8 });
  }
  reportProblems(file, problems);
}

function* concatenated(sources: readonly Iterable<string>[]): Generator<string> {
  for (const texts of sources) yield* texts;
}
