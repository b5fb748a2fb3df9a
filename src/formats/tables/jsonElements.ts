import type { TextBlock } from './blocks.ts';
import type { RowProblem } from './rows.ts';

/**
 * Where the elements are: the containers around them, outermost first (none for values that follow
 * each other), and for a list in an object its key.
 */
export interface ElementPath {
  around: '' | '[' | '{[';
  key?: string;
}

/** The source of one element of a list. */
export interface JsonElement {
  source: string;
  line: number;
  isValid: boolean;
}

const MAX_ELEMENT_LENGTH = 1 << 26;
const BARE = /[\w+\-.]/;

/**
 * Finds the elements of a JSON list in pieces of text, without parsing them. An element whose
 * quotes or brackets are broken costs itself: reading goes on at the next object that begins with
 * the same key as the first element.
 */
export class JsonElements {
  /** The keys of lists of objects that are not read. */
  readonly others = new Set<string>();
  private readonly path: ElementPath;
  private text = '';
  private at = 0;
  private line = 1;
  private invalid: (readonly [begin: number, end: number])[] = [];
  /** The containers that are open. */
  private stack = '';
  /** The last character of structure: a bracket, comma or colon, or `v` after a value. */
  private before = '';
  /** The key that was read last in the outermost object. */
  private topKey = '';
  /** Where the element that is being read begins; -1 between elements. */
  private begin = -1;
  private beginLine = 1;
  private elementStart = /\{\s*"/g;
  private hasFirst = false;
  /** Whether a broken element was met and the next is looked for. */
  private isLost = false;
  private isEnded = false;
  private found: (JsonElement | RowProblem)[] = [];

  constructor(path: ElementPath) {
    this.path = path;
  }

  /** The elements that end within a piece of text. */
  push({ text, invalid }: TextBlock): (JsonElement | RowProblem)[] {
    const kept = this.begin >= 0 ? this.begin : this.at;
    this.text = this.text.slice(kept) + text;
    this.at -= kept;
    if (this.begin > 0) this.begin = 0;
    const shift = this.text.length - text.length;
    const moved = (ranges: TextBlock['invalid'], by: number) =>
      ranges.map(([begin, end]) => [begin + by, end + by] as const);
    this.invalid = [...moved(this.invalid, -kept), ...moved(invalid, shift)].filter(
      ([, end]) => end > 0,
    );
    if (this.text.length > MAX_ELEMENT_LENGTH) this.fail('a record is too long');
    return this.scan();
  }

  /** The elements and problems that are known only at the end of the text. */
  end(): (JsonElement | RowProblem)[] {
    this.isEnded = true;
    const found = this.scan();
    while (this.begin >= 0) {
      this.fail('bad JSON: the file ends within this record');
      found.push(...this.scan());
    }
    if (this.stack !== '' && !this.isLost)
      found.push({
        line: this.line,
        reason: 'bad JSON: the list is not closed, the file is cut off',
      });
    return found;
  }

  private scan(): (JsonElement | RowProblem)[] {
    while (this.at < this.text.length) {
      if (this.isLost && !this.resume()) break;
      if (!this.token(this.text[this.at])) break;
    }
    const { found } = this;
    this.found = [];
    return found;
  }

  /** Reads a token; false if its end is not in the text yet. */
  private token(char: string): boolean {
    if (/[\s\ufeff]/.test(char)) {
      this.line += isLineEnd(this.text, this.at) ? 1 : 0;
      this.at++;
    } else if (char === ':' && this.begin < 0 && !this.stack.endsWith('{')) {
      this.fail('bad JSON: unexpected :');
    } else if (char === ',' || char === ':') {
      this.before = char;
      this.at++;
    } else if (char === '{' || char === '[') {
      if (!this.beginValue(char)) return true;
      this.stack += char;
      this.before = char;
      this.at++;
    } else if (char === '}' || char === ']') {
      if (this.stack.at(-1) !== (char === '}' ? '{' : '[')) {
        this.fail(`bad JSON: unexpected ${char}`);
        return true;
      }
      this.stack = this.stack.slice(0, -1);
      this.at++;
      this.endValue();
    } else return this.scalar(char);
    return true;
  }

  /** Reads a string or a bare value. */
  private scalar(char: string): boolean {
    const end = char === '"' ? stringEnd(this.text, this.at + 1) : bareEnd(this.text, this.at);
    if (end === this.at) this.fail(`bad JSON: unexpected ${JSON.stringify(char)}`);
    else if (end < 0 || (end > this.text.length && this.isEnded))
      this.fail('bad JSON: a quote is opened and not closed in its line');
    else if (end > this.text.length || (char !== '"' && end === this.text.length && !this.isEnded))
      return false;
    else if (this.beginValue(char)) {
      const isTopKey = this.stack === '{' && this.before !== ':';
      if (isTopKey) this.topKey = this.text.slice(this.at + 1, end - 1);
      this.at = end;
      this.endValue();
    }
    return true;
  }

  private isAmongElements(): boolean {
    const { around, key } = this.path;
    return this.stack === around && (around !== '{[' || this.topKey === key);
  }

  /** Notes where a value begins; false if none may begin here. */
  private beginValue(char: string): boolean {
    const { stack, before } = this;
    if (this.isAmongElements()) {
      // Rows are objects; a stray bracket must not take in those that follow.
      if (char === '[') {
        this.fail('bad JSON: unexpected [');
        return false;
      }
      this.begin = this.at;
      this.beginLine = this.line;
      return true;
    }
    const isKey = stack.endsWith('{') && char === '"' && (before === '{' || before === ',');
    // Only one value stands outside all brackets.
    const isFirst = stack === '' && before === '';
    const isValue = before === ':' || (stack.endsWith('[') && before !== 'v') || isFirst;
    if (!isKey && !isValue) this.fail(`bad JSON: unexpected ${JSON.stringify(char)}`);
    else if (stack === '{[' && char === '{' && this.path.around === '{[') this.noteOther();
    return isKey || isValue;
  }

  private endValue(): void {
    this.before = 'v';
    if (this.begin < 0 || !this.isAmongElements()) return;
    const source = this.text.slice(this.begin, this.at);
    const isValid = !this.invalid.some(([begin, end]) => begin < this.at && end > this.begin);
    this.found.push({ source, line: this.beginLine, isValid });
    this.begin = -1;
    if (this.hasFirst) return;
    this.hasFirst = true;
    const key = /^\{\s*"((?:[^"\\]|\\.)*)"/.exec(source)?.[1];
    const escaped = key?.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    if (escaped !== undefined) this.elementStart = new RegExp(`\\{\\s*"${escaped}"\\s*:`, 'g');
  }

  private noteOther(): void {
    const { topKey } = this;
    if (this.others.has(topKey)) return;
    this.others.add(topKey);
    const reason = `the list ${JSON.stringify(topKey)} is not read: the rows are those of `;
    this.found.push({ line: this.line, reason: reason + JSON.stringify(this.path.key) });
  }

  private fail(reason: string): void {
    if (this.begin >= 0) {
      this.at = this.begin;
      this.line = this.beginLine;
    }
    this.found.push({ line: this.line, reason });
    // Between elements, what cannot stand here may be an element after all.
    if (this.begin >= 0 || this.text[this.at] !== '{') this.at++;
    this.begin = -1;
    this.isLost = true;
  }

  /** Goes on at the next object that looks like an element; false if there is none yet. */
  private resume(): boolean {
    this.elementStart.lastIndex = this.at;
    const found = this.elementStart.exec(this.text)?.index;
    // Its first key may be cut off.
    const last = this.isEnded ? -1 : this.text.lastIndexOf('{');
    const next = found ?? (last >= this.at ? last : this.text.length);
    for (; this.at < next; this.at++) if (isLineEnd(this.text, this.at)) this.line++;
    if (found === undefined) return false;
    this.isLost = false;
    this.stack = this.path.around;
    this.topKey = this.path.key ?? '';
    this.before = ',';
    return true;
  }
}

/** Whether a line ends with this character: LF, or CR that no LF follows. */
const isLineEnd = (text: string, at: number): boolean =>
  text[at] === '\n' || (text[at] === '\r' && text[at + 1] !== '\n');

/** The offset after the quote that ends a string: beyond the text if none, -1 if its line ends. */
function stringEnd(text: string, begin: number): number {
  for (let at = begin; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x22) return at + 1;
    if (char === 0x5c) at++;
    const ended = text.charCodeAt(at);
    if (ended === 0x0a || ended === 0x0d) return -1;
  }
  return text.length + 1;
}

function bareEnd(text: string, begin: number): number {
  let at = begin;
  while (at < text.length && BARE.test(text[at])) at++;
  return at;
}
