import type { Row, RowProblem, Rows } from './rows.ts';

/**
 * Reads sentences as CoNLL's shared tasks write them: a word a line, first the word and last its tag, between tabs (or
 * blanks, in a line without tabs); a blank line ends a sentence; a `-DOCSTART-` line is one. There is no header.
 * A sentence with a broken line becomes a problem as a whole. The columns of the rows are `tokens` and `tags`.
 */
export function readConll(lines: readonly string[], invalidLines: ReadonlySet<number>): Rows {
  const rows: Row[] = [];
  const problems: RowProblem[] = [];
  let width: number | undefined;
  let sentence: { tokens: string[]; tags: string[]; line: number } | undefined;
  let problem: RowProblem | undefined;
  const end = () => {
    if (problem) problems.push(problem);
    else if (sentence) rows.push({ values: [sentence.tokens, sentence.tags], line: sentence.line });
    sentence = problem = undefined;
  };
  for (const [index, source] of lines.entries()) {
    const line = index + 1;
    if (source.trim() === '' || source.startsWith('-DOCSTART-')) {
      end();
      continue;
    }
    const fields = source.includes('\t') ? source.split('\t') : source.trim().split(/ +/);
    width ??= Math.max(2, fields.length);
    const [token, tag] = [fields[0], fields.at(-1)!];
    let reason: string | undefined;
    if (invalidLines.has(line)) reason = 'not valid UTF-8';
    else if (fields.length !== width)
      reason = `${fields.length} ${fields.length === 1 ? 'field' : 'fields'} where ${width} were expected`;
    else if (token.trim() === '' || tag.trim() === '') reason = 'a word or tag is empty';
    if (reason) problem ??= { line, reason: `${reason}: its sentence is left out` };
    sentence ??= { tokens: [], tags: [], line };
    sentence.tokens.push(token);
    sentence.tags.push(tag);
  }
  end();
  return { columns: ['tokens', 'tags'], rows, problems };
}
