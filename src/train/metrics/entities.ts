import { ArgumentError } from '../../platform/errors.ts';
import { type Counts, type ScoreReport, type Scores, scoreReport } from './scores.ts';

/** Consecutive tokens that tags mark as one entity. */
export interface EntitySpan {
  /** What follows the hyphen of its tags: `PER` of `B-PER`; empty for tags without one. */
  type: string;
  /** Its first token, and the one after its last. */
  start: number;
  end: number;
}

const tagPattern = /^(?:O|([BIES])(?:-(.+))?)$/s;

/** True if tags mark entities: `O`, and `B`, `I`, `E` or `S`, alone or with `-` and a type. */
export function areEntityTags(tags: readonly string[]): boolean {
  return tags.every((tag) => tagPattern.test(tag)) && tags.some((tag) => /^[BI]/.test(tag));
}

/**
 * Entities in one sequence of tags, as in seqeval's default mode and CoNLL's script: `I` or `E` of
 * the same type after `B` or `I` continues an entity; any other tag except `O` starts a new one.
 * @throws ArgumentError for any other tag.
 */
export function getEntities(tags: readonly string[]): EntitySpan[] {
  const entities: EntitySpan[] = [];
  let open: EntitySpan | undefined;
  tags.forEach((tag, i) => {
    const match = tagPattern.exec(tag);
    if (!match)
      throw new ArgumentError(
        `tag: expected O, or B, I, E or S with a type, got ${JSON.stringify(tag)}`,
      );
    const [, mark, type = ''] = match;
    if (open && open.type === type && (mark === 'I' || mark === 'E')) open.end = i + 1;
    else if (mark) entities.push((open = { type, start: i, end: i + 1 }));
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
 * @throws ArgumentError when the lists differ in length, or for a tag that marks no entities.
 */
export function entityReport(
  predicted: readonly (readonly string[])[],
  truth: readonly (readonly string[])[],
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
    const known = getEntities(tags);
    const keys = new Set(known.map(key));
    for (const { type } of known) of(type).truth++;
    for (const entity of getEntities(predicted[i])) {
      of(entity.type).predicted++;
      if (keys.has(key(entity))) of(entity.type).correct++;
    }
  });
  const types = [...counts.keys()].sort();
  const { perLabel, ...averages } = scoreReport(types.map((type) => counts.get(type)!));
  return { ...averages, perType: Object.fromEntries(types.map((type, i) => [type, perLabel[i]])) };
}
