import { basename, dirname, join } from 'node:path';
import { modelFiles } from '../formats/modelFiles.ts';
import type { LineFile } from '../formats/tables/lines.ts';
import { invalidReason, isRowProblem, type RowProblem } from '../formats/tables/rows.ts';
import type { TableOptions } from '../formats/tables/table.ts';
import { openTexts } from '../formats/tables/texts.ts';
import { writeFiles } from '../platform/atomicWrite.ts';
import { BertTokenizer } from '../text/tokenizer/index.ts';
import { WordPieceTrainer, type WordPieceTrainerOptions } from '../text/vocabulary/index.ts';
import type { ColumnOptions } from '../train/data/columns.ts';
import { type RowTexts, tableTexts } from '../train/data/tableTexts.ts';
import { SkippedRows } from '../train/recipes/inputTable.ts';
import { checkIsNoInput } from '../train/recipes/outFile.ts';
import { reportInput } from './inputReports.ts';

type Columns = Pick<ColumnOptions, 'textColumn' | 'pairColumn'> & TableOptions;

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
  const { vocabSize, out, cased, textColumn, pairColumn, format, encoding, json, ...trainer } =
    options;
  const isFile = out.endsWith('.txt');
  await checkIsNoInput(isFile ? out : join(out, modelFiles.vocab), files);
  const learner = new WordPieceTrainer({ ...trainer, vocabSize, lowercase: !cased });
  for (const file of files)
    for await (const texts of textsOf(file, { textColumn, pairColumn, format, encoding }))
      learner.feed(texts);
  const { vocab, coverage } = learner.train();
  const tokenizer = new BertTokenizer(vocab, { doLowerCase: !cased });
  if (isFile)
    await writeFiles(dirname(out), { [basename(out)]: tokenizer.files()[modelFiles.vocab] });
  else await tokenizer.savePretrained(out);
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

/** The texts of each row of a table, or of each line of any other file; reports broken ones. */
async function* textsOf(path: string, options: Columns): AsyncGenerator<readonly string[]> {
  const file = await openTexts(path, options, options.textColumn !== undefined);
  const skipped = new SkippedRows();
  if (file.encoding !== 'UTF-8')
    reportInput({ event: 'encoding', path, encoding: file.encoding }, false);
  for await (const item of 'columns' in file ? tableTexts(file, options) : lineTexts(file)) {
    if (isRowProblem(item)) skipped.add(item);
    else yield item.texts;
  }
  skipped.report(file.name, (event) => reportInput(event, false));
}

async function* lineTexts(file: LineFile): AsyncGenerator<RowTexts | RowProblem> {
  for await (const { text, line, isValid } of file.lines())
    yield isValid ? { texts: [text], line } : { line, reason: invalidReason(file) };
}
