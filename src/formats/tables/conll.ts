import { type DecodedText, splitLines } from './encoding.ts';
import { fieldCountReason, INVALID_UTF8, type RowProblem, type Rows } from './rows.ts';

interface Sentence {
  tokens: string[];
  tags: string[];
  line: number;
}

/**
 * Reads sentences in the format of the CoNLL shared tasks: a word a line, its first field the word
 * and its last the tag, separated by tabs (by blanks in a line without tabs). Blank lines and
 * `-DOCSTART-` lines end a sentence. There is no header. A sentence with a broken line becomes one
 * problem. The columns are `tokens` and `tags`.
 */
export function readConll({ text, invalidLines }: DecodedText): Rows {
  const table: Rows = { columns: ['tokens', 'tags'], rows: [], problems: [] };
  let width: number | undefined;
  let sentence: Sentence | undefined;
  let problem: RowProblem | undefined;
  const endSentence = () => {
    if (problem) table.problems.push(problem);
    else if (sentence)
      table.rows.push({ values: [sentence.tokens, sentence.tags], line: sentence.line });
    sentence = problem = undefined;
  };
  for (const [index, source] of splitLines(text).entries()) {
    const line = index + 1;
    if (source.trim() === '' || source.startsWith('-DOCSTART-')) {
      endSentence();
      continue;
    }
    const fields = source.includes('\t') ? source.split('\t') : source.trim().split(/ +/);
    width ??= Math.max(2, fields.length);
    const reason = invalidLines.has(line) ? INVALID_UTF8 : reasonAgainst(fields, width);
    if (reason) problem ??= { line, reason: `${reason}: its sentence is left out` };
    sentence ??= { tokens: [], tags: [], line };
    sentence.tokens.push(fields[0]);
    sentence.tags.push(fields.at(-1)!);
  }
  endSentence();
  return table;
}

/** Why the line of a word is broken, if it is. */
function reasonAgainst(fields: readonly string[], width: number): string | undefined {
  if (fields.length !== width) return fieldCountReason(width, fields.length);
  if (fields[0].trim() === '' || fields.at(-1)!.trim() === '') return 'a word or tag is empty';
  return undefined;
}
