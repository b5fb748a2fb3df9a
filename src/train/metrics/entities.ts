import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { type Counts, type ScoreReport, type Scores, scoreReport } from './scores.ts';
import { iob2, parseTag, type TagScheme, tagScheme } from './tagSchemes.ts';

/** Consecutive tokens that tags mark as one entity. */
export interface EntitySpan {
  /** `PER` of the tags `B-PER` or `PER_B`; empty for tags without a type. */
  type: string;
  /** Its first token, and the one after its last. */
  start: number;
  end: number;
}

/** True if tags mark entities, in any of the schemes. */
export const areEntityTags = (tags: readonly string[]): boolean => tagScheme(tags) !== undefined;

/** @throws ArgumentError for a tag that does not follow the scheme. */
function parseChecked(tag: string, scheme: TagScheme) {
  const parsed = parseTag(tag, scheme);
  if (parsed) return parsed;
  throw new ArgumentError(`tag: expected O, or B, I, E or S with a type, got ${formatValue(tag)}`);
}

/**
 * Entities in one sequence of tags, as in seqeval's default mode and CoNLL's script: `I` or `E` of
 * the same type after `B` or `I` continues an entity; any other tag except `O` starts a new one.
 * @param scheme how the tags are written (`tagScheme` of all tags). Default: as these tags show.
 * @throws ArgumentError for any other tag.
 * @example
 * getEntities(['B-PER', 'I-PER', 'O']); // [{ type: 'PER', start: 0, end: 2 }]
 */
export function getEntities(
  tags: readonly string[],
  scheme: TagScheme = tagScheme(tags) ?? iob2,
): EntitySpan[] {
  const entities: EntitySpan[] = [];
  let open: EntitySpan | undefined;
  tags.forEach((tag, i) => {
    const { mark, type } = parseChecked(tag, scheme);
    if (open && open.type === type && (mark === 'I' || mark === 'E')) open.end = i + 1;
    else if (mark !== 'O') entities.push((open = { type, start: i, end: i + 1 }));
    if (mark !== 'B' && mark !== 'I') open = undefined;
  });
  return entities;
}

/** Scores of entities. An entity is correct if its type, start and end are. */
export interface EntityReport extends Omit<ScoreReport, 'perLabel'> {
  perType: Record<string, Scores>;
}

/**
 * Precision, recall and F1 of the entities in sequences of tags, as in seqeval; averages are over
 * the types that occur.
 * @param scheme how the tags are written (`tagScheme`). Default: as these tags show.
 * @throws ArgumentError when the lists differ in length, or for a tag that marks no entities.
 * @example
 * entityReport([['B-PER', 'O']], [['B-PER', 'B-LOC']]).micro.recall; // 0.5
 */
export function entityReport(
  predicted: readonly (readonly string[])[],
  truth: readonly (readonly string[])[],
  scheme: TagScheme = tagScheme([...predicted, ...truth].flat()) ?? iob2,
): EntityReport {
  if (predicted.length !== truth.length)
    throw new ArgumentError(
      `predicted: expected ${truth.length} sequences, got ${predicted.length}`,
    );
  const counts = new Map<string, Counts>();
  const of = (type: string): Counts => {
    const found = counts.get(type) ?? { truth: 0, predicted: 0, correct: 0 };
    counts.set(type, found);
    return found;
  };
  truth.forEach((tags, i) => {
    if (predicted[i].length !== tags.length)
      throw new ArgumentError(
        `predicted: expected ${tags.length} tags in sequence ${i}, got ${predicted[i].length}`,
      );
    const key = ({ type, start, end }: EntitySpan) => `${start} ${end} ${type}`;
    const known = getEntities(tags, scheme);
    const keys = new Set(known.map(key));
    for (const { type } of known) of(type).truth++;
    for (const entity of getEntities(predicted[i], scheme)) {
      of(entity.type).predicted++;
      if (keys.has(key(entity))) of(entity.type).correct++;
    }
  });
  const types = [...counts.keys()].sort();
  const { perLabel, ...averages } = scoreReport(types.map((type) => counts.get(type)!));
  return { ...averages, perType: Object.fromEntries(types.map((type, i) => [type, perLabel[i]])) };
}
