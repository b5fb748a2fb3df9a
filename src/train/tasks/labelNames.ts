/**
 * When two names are the same label. Files write a label in several ways: with blanks around it,
 * Hangul composed or decomposed, whole numbers as `1` or, once pandas has seen a missing value, as
 * `1.0`, and truth as `true` or `True`.
 */

/** A label's name without blanks around it, composed (Unicode NFC). */
export const cleanLabel = (name: string): string => name.trim().normalize('NFC');

/** Numbers as programs write them. A leading zero (`007`) marks a code, which is no number. */
const numberPattern = /^([+-]?)(0|[1-9]\d*)(?:\.(\d*))?$/;

/** Equal for names of the same label. Numbers keep all their digits: 1.1 and 1.10 may be codes. */
export function labelKey(name: string): string {
  const clean = cleanLabel(name);
  const number = numberPattern.exec(clean);
  if (number) {
    const [, sign, whole, digits = ''] = number;
    const size = /[1-9]/.test(digits) ? `${whole}.${digits}` : whole;
    return sign === '-' && size !== '0' ? `-${size}` : size;
  }
  return /^(?:true|false)$/i.test(clean) ? clean.toLowerCase() : clean;
}

/** Names that pandas reads as missing, and those it writes for missing values. */
const missingNames = new Set([
  ...['', 'nan', 'NaN', 'NAN', '-nan', '-NaN', 'None', 'null', 'NULL', 'NaT', '<NA>'],
  ...['NA', 'N/A', 'n/a', '#N/A', '#NA'],
]);

/** Whether a cell stands for a missing label; a name that a model knows is a label. */
export function isMissingLabel(value: unknown, known: readonly string[] = []): boolean {
  if (value === undefined || value === null || Number.isNaN(value)) return true;
  if (typeof value !== 'string') return false;
  const name = cleanLabel(value);
  return missingNames.has(name) && (name === '' || !known.includes(name));
}

/** Hugging Face's names of labels without names. */
const genericLabel = (id: number): string => `LABEL_${id}`;

/** Whether labels are called `LABEL_0`, `LABEL_1`…, as where nobody has named them. */
export const areGenericLabels = (labels: readonly string[]): boolean =>
  labels.length > 0 && labels.every((label, id) => label === genericLabel(id));

/**
 * Finds the id of a name among labels: the label that is written alike, else the one that is the
 * same label. Labels without names have their numbers as names too.
 */
export function labelFinder(labels: readonly string[]): (name: string) => number | undefined {
  const exact = new Map(labels.map((label, id) => [label, id]));
  const byKey = new Map<string, number>();
  for (const [id, label] of labels.entries())
    if (!byKey.has(labelKey(label))) byKey.set(labelKey(label), id);
  if (areGenericLabels(labels)) for (const id of labels.keys()) byKey.set(`${id}`, id);
  return (name) => exact.get(name) ?? byKey.get(labelKey(name));
}

/**
 * The distinct labels among names, one name each, sorted: by value when all are integers, else by
 * code point. Of several ways to write a number the shortest is taken, else the first.
 */
export function distinctLabels(names: Iterable<string>): string[] {
  const byKey = new Map<string, string>();
  for (const name of names) {
    const key = labelKey(name);
    if (!byKey.has(key)) byKey.set(key, numberPattern.test(cleanLabel(name)) ? key : name);
  }
  const labels = [...byKey.values()];
  const areIntegers = labels.every((label) => /^[+-]?\d+$/.test(label));
  return labels.sort((a, b) => (areIntegers ? Number(a) - Number(b) : 0) || byCodePoint(a, b));
}

/** JavaScript's `<` compares UTF-16 units, which puts the planes beyond the first before U+E000. */
function byCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  const at = left.findIndex((char, index) => char !== right[index]);
  if (at < 0) return left.length - right.length;
  return at < right.length ? left[at].codePointAt(0)! - right[at].codePointAt(0)! : 1;
}
