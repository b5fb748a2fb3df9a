/**
 * CSV as Python's `csv.reader` reads it, character by character: a quote opens a field only at its
 * beginning, and a stray one may close lines later. Blanks after a closing quote are dropped.
 */
export function plainCsv(content: string): string[][] {
  const rows: string[][] = [];
  let [row, field]: [string[], string] = [[], ''];
  let state: 'start' | 'bare' | 'quoted' | 'closed' = 'start';
  const endField = () => {
    row.push(field);
    [field, state] = ['', 'start'];
  };
  for (let at = 0; at < content.length; at++) {
    const char = content[at];
    if (state === 'quoted') {
      if (char !== '"') field += char;
      else if (content[at + 1] === '"') field += content[++at];
      else state = 'closed';
    } else if (char === ',') endField();
    else if (char === '\n' || char === '\r') {
      const isBlank = row.length === 0 && /^ *$/.test(field) && state !== 'closed';
      if (!isBlank) row.push(field);
      if (row.length > 0) rows.push(row);
      if (char === '\r' && content[at + 1] === '\n') at++;
      [row, field, state] = [[], '', 'start'];
    } else if (char === '"' && state === 'start') state = 'quoted';
    else if (state !== 'closed' || char !== ' ') {
      field += char;
      state = 'bare';
    }
  }
  return rows;
}
