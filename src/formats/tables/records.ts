import type { Line } from './lines.ts';
import { fieldCountReason, type RowProblem } from './rows.ts';

/** A record of CSV. */
export interface CsvRecord {
  fields: string[];
  /** The line that it begins on. */
  line: number;
  isValid: boolean;
  /** Whether it is an empty line. */
  isBlank: boolean;
}

/** Characters of a record after which its quote counts as never closed. */
const MAX_RECORD_LENGTH = 1 << 22;

const BLANK = /^ *$/;
const UNCLOSED = 'a quote is opened and never closed';
/** Lines after a broken record in which a quote of its last line may close. */
const MAX_LOOKAHEAD = 100;

const TEXT_AFTER_QUOTE = 'a closing quote is followed by text: double quotes inside a quoted field';

/** A quoted field that goes on in the next line, and the fields before it. */
interface OpenField {
  fields: string[];
  field: string;
}

/**
 * Splits lines into records of CSV. After a record with broken quotes, reading goes on at the line
 * after the one it begins on, so that only it is lost.
 */
export class CsvRecords {
  /** The lines from that of the record that is being read. */
  private lines: Line[] = [];
  private start = 0;
  private next = 0;
  private open: OpenField | undefined;
  private length = 0;
  private readonly delimiter: string;
  private readonly width: number | undefined;
  private found: (CsvRecord | RowProblem)[] = [];

  /** @param width number of fields of a record, if it is known */
  constructor(delimiter: string, width?: number) {
    this.delimiter = delimiter;
    this.width = width;
  }

  /** The records that end within these lines. */
  push(lines: readonly Line[]): (CsvRecord | RowProblem)[] {
    this.lines = [...this.lines.slice(this.start), ...lines];
    this.next -= this.start;
    this.start = 0;
    return this.read();
  }

  /** The records after the last line. */
  end(): (CsvRecord | RowProblem)[] {
    const found: (CsvRecord | RowProblem)[] = [];
    while (this.open) {
      this.fail(UNCLOSED);
      for (const record of this.read()) found.push(record);
    }
    return found;
  }

  private read(): (CsvRecord | RowProblem)[] {
    while (this.next < this.lines.length) {
      const { text, end } = this.lines[this.next++];
      const scanned = scanLine(text, this.delimiter, this.open);
      if (typeof scanned === 'string') this.fail(scanned);
      else if (Array.isArray(scanned)) this.close(scanned);
      else {
        this.open = scanned;
        scanned.field += end;
        this.length += text.length;
        if (this.length > MAX_RECORD_LENGTH) this.fail(UNCLOSED);
      }
    }
    const { found } = this;
    this.found = [];
    return found;
  }

  private close(fields: string[]): void {
    const lines = this.lines.slice(this.start, this.next);
    const { line, text } = lines[0];
    const { width } = this;
    if (lines.length > 1 && width !== undefined && fields.length !== width) {
      const count = fieldCountReason(width, fields.length);
      this.failLines(`${count} (lines ${line} to ${lines.at(-1)?.line})`, width);
      return;
    }
    const isBlank = lines.length === 1 && BLANK.test(text);
    this.found.push({ fields, line, isBlank, isValid: lines.every(({ isValid }) => isValid) });
    this.begin(this.next);
  }

  /**
   * Fails for a record of several lines with too few or too many fields. A stray quote may have
   * swallowed the lines after it: all of them, or the beginning of a record on the last one. There
   * reading goes on, unless the lines after it are records as they stand. Other lines that look
   * like records are named too.
   */
  private failLines(reason: string, width: number): void {
    const [first, last] = [this.start + 1, this.next - 1];
    const isBetter = (at: number) => {
      const end = this.recordsEnd(at, this.next, width);
      if (end === undefined) return false;
      return end === this.next || this.recordsEnd(this.next, end, width) === undefined;
    };
    const next = [first, last].find(isBetter) ?? this.next;
    const { line } = this.lines[this.start];
    this.found.push({ line, reason });
    for (let at = first; at < next; at++)
      if (!BLANK.test(this.lines[at].text) && this.recordsEnd(at, at + 1, width) !== undefined)
        this.found.push({
          line: this.lines[at].line,
          reason: `is inside the quotes opened on line ${line}`,
        });
    this.begin(next);
  }

  /**
   * The line after the records that begin on a line and fill those up to `end`; the last may end
   * after it. Only after others may it have the odd quote that closed the broken record. Undefined
   * if they are no records.
   */
  private recordsEnd(begin: number, end: number, width: number): number | undefined {
    let open: OpenField | undefined;
    let quotes = 0;
    const mayBeOdd = (at: number) => at === end - 1 && end - begin > 1;
    let at = begin;
    for (; at < end || open; at++) {
      if (at >= Math.min(this.lines.length, end + MAX_LOOKAHEAD)) return undefined;
      const { text } = this.lines[at];
      if (!open && BLANK.test(text)) continue;
      quotes += text.split('"').length - 1;
      const scanned = scanLine(text, this.delimiter, open);
      if (typeof scanned === 'string') return undefined;
      open = Array.isArray(scanned) ? undefined : scanned;
      if (open) continue;
      const isOdd = quotes % 2 === 1 && !mayBeOdd(at);
      if ((scanned as string[]).length !== width || isOdd) return undefined;
    }
    return at;
  }

  private fail(reason: string): void {
    this.found.push({ line: this.lines[this.start].line, reason });
    this.begin(this.start + 1);
  }

  private begin(at: number): void {
    this.start = this.next = at;
    this.open = undefined;
    this.length = 0;
  }
}

/**
 * The fields of a line, or the field that is open at its end, or the reason why it is broken.
 * @param open the quoted field that the line begins in
 */
function scanLine(
  text: string,
  delimiter: string,
  open?: OpenField,
): string[] | OpenField | string {
  const fields = open?.fields ?? [];
  let inside = open?.field;
  for (let at = 0; ; ) {
    const found = scanField(text, at, delimiter, inside);
    if (typeof found === 'string') return found;
    if (found.next === undefined) return { fields, field: found.field };
    fields.push(found.field);
    if (found.next < 0) return fields;
    at = found.next;
    inside = undefined;
  }
}

/**
 * A field, and the offset of the next one: -1 if it is the last, undefined if its quotes are open.
 * A string is the reason why it is broken.
 */
function scanField(
  text: string,
  begin: number,
  delimiter: string,
  inside: string | undefined,
): { field: string; next: number | undefined } | string {
  const isQuoted = inside !== undefined || text[begin] === '"';
  const quoted = isQuoted ? scanQuoted(text, inside === undefined ? begin + 1 : begin) : undefined;
  const field = (inside ?? '') + (quoted?.value ?? '');
  if (quoted && quoted.end < 0) return { field, next: undefined };
  const end = quoted?.end ?? begin;
  const at = text.indexOf(delimiter, end);
  const rest = at < 0 ? text.slice(end) : text.slice(end, at);
  if (quoted && /[^ ]/.test(rest)) return TEXT_AFTER_QUOTE;
  return { field: quoted ? field : rest, next: at < 0 ? -1 : at + 1 };
}

/** The value from within quotes, and the offset after the closing quote, -1 if there is none. */
function scanQuoted(text: string, begin: number): { value: string; end: number } {
  let value = '';
  for (let at = begin; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return { value: value + text.slice(at), end: -1 };
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}
