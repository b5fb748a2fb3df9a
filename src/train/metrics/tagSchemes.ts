/**
 * Ways to write tags that mark entities. A tag is `O`, or a mark with the type of an entity: in
 * front (`B-PER`) or behind (`PER_B`). The marks of all schemes come down to those of seqeval:
 *
 * | scheme | first | inside | last | single |
 * | --- | --- | --- | --- | --- |
 * | IOB1, IOB2 (BIO) | B | I | | |
 * | BIOES (IOBES) | B | I | E | S |
 * | BILOU | B | I | L | U |
 * | BMES | B | M | E | S |
 * | BMEWO | B | M | E | W |
 */

/** Seqeval's marks. */
export type Mark = 'B' | 'I' | 'E' | 'S' | 'O';

/** How tags of entities are written. */
export interface TagScheme {
  /** Whether the mark follows the type. */
  readonly suffix: boolean;
  readonly separator: '-' | '_';
  /** What the letters in tags mean, in capitals. */
  readonly marks: Readonly<Record<string, Mark>>;
}

/** A tag as its mark and the type of its entity, which is empty for `O` and for a mark alone. */
export interface ParsedTag {
  mark: Mark;
  type: string;
}

const bioes = { B: 'B', I: 'I', E: 'E', S: 'S' } as const;
const marksOfSchemes: readonly Readonly<Record<string, Mark>>[] = [
  bioes,
  { B: 'B', I: 'I', L: 'E', U: 'S' },
  { B: 'B', M: 'I', E: 'E', S: 'S' },
  { B: 'B', M: 'I', E: 'E', W: 'S' },
];
const layouts = [
  { suffix: false, separator: '-' },
  { suffix: false, separator: '_' },
  { suffix: true, separator: '-' },
  { suffix: true, separator: '_' },
] as const;
const schemes: readonly TagScheme[] = layouts.flatMap((layout) =>
  marksOfSchemes.map((marks) => ({ ...layout, marks })),
);

/** Tags such as `B-PER`, `I-PER` and `O`. */
export const iob2: TagScheme = { suffix: false, separator: '-', marks: bioes };

/** Tags of words outside any entity. */
const isOutside = (tag: string): boolean => /^(?:O|o|-|_)$/.test(tag);

/**
 * Mark and type of a tag; undefined if it does not follow the scheme.
 * @example
 * parseTag('B-PER', tagScheme(['B-PER', 'I-PER', 'O'])!); // { mark: 'B', type: 'PER' }
 */
export function parseTag(tag: string, scheme: TagScheme): ParsedTag | undefined {
  if (isOutside(tag)) return { mark: 'O', type: '' };
  const { suffix, separator, marks } = scheme;
  const at = suffix ? tag.lastIndexOf(separator) : tag.indexOf(separator);
  const [before, after] = at < 0 ? [tag, tag] : [tag.slice(0, at), tag.slice(at + 1)];
  const letter = (suffix ? after : before).toUpperCase();
  if (!Object.hasOwn(marks, letter)) return undefined;
  return { mark: marks[letter], type: at < 0 ? '' : suffix ? before : after };
}

/**
 * The scheme of a set of tags; undefined if they do not mark entities, as parts of speech.
 * @example
 * tagScheme(['PER_B', 'PER_I', '-']); // the mark follows the type, after an underscore
 */
export function tagScheme(tags: readonly string[]): TagScheme | undefined {
  const distinct = [...new Set(tags)];
  return schemes.find((scheme) => {
    const parsed = distinct.map((tag) => parseTag(tag, scheme));
    return parsed.every((tag) => tag !== undefined) && marksEntities(parsed);
  });
}

/** Whether tags tell entities apart: single words alone only if other words are outside. */
function marksEntities(tags: readonly ParsedTag[]): boolean {
  const has = (some: Mark) => tags.some(({ mark }) => mark === some);
  return has('B') || has('I') || (has('O') && tags.some(({ mark, type }) => mark !== 'O' && type));
}

/** Tags that keep a set from following the scheme that most of them follow. */
export function unusualTags(tags: readonly string[]): string[] {
  const strays = schemes.map((scheme) => tags.filter((tag) => !parseTag(tag, scheme)));
  return strays.reduce((fewest, some) => (some.length < fewest.length ? some : fewest));
}
