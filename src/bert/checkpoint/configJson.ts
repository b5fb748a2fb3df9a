import { UsageError } from '../../platform/errors.ts';
import { formatValue, isObject } from '../../platform/format.ts';

/** Most labels of a model; far above any, and few enough to be named one by one. */
export const maxLabels = 100_000;

/**
 * The labels in the fields of a config.json, in the order of their ids, as Hugging Face's
 * `PretrainedConfig` reads them. `id2label` counts; `label2id` and `num_labels`, which many folders
 * leave at other values, are not compared with it. Without `id2label`, `label2id` gives the names
 * if it numbers its labels without a gap; else they are `LABEL_0`, `LABEL_1`…
 * @throws UsageError for fields that are no labels, or labels that are equal.
 */
export function readLabels(json: Record<string, unknown>, source: string): string[] {
  const refuse: Refuse = (field, expected, got) => {
    throw new UsageError(`${source}: ${field}: expected ${expected}, got ${got}`);
  };
  for (const field of ['id2label', 'label2id'])
    if (!isObject(json[field] ?? {})) refuse(field, 'an object', formatValue(json[field]));
  const { id2label, label2id } = json as LabelMaps;
  if (id2label && Object.keys(id2label).length > 0) return labelsById(id2label, refuse);
  const count = json.num_labels ?? undefined;
  if (count !== undefined && !isCount(count))
    refuse('num_labels', `a whole number from 1 to ${maxLabels}`, formatValue(count));
  return (
    (label2id && invert(label2id, count)) ??
    Array.from({ length: count ?? 2 }, (_, id) => `LABEL_${id}`)
  );
}

type Refuse = (field: string, expected: string, got: string) => never;
type LabelMaps = Record<'id2label' | 'label2id', Record<string, unknown> | null | undefined>;

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= maxLabels;

/** Values become strings; ids without a label, between or before others, get `LABEL_i`. */
function labelsById(id2label: Record<string, unknown>, refuse: Refuse): string[] {
  const given = new Map<number, unknown>();
  let last = 0;
  for (const [key, value] of Object.entries(id2label)) {
    const id = /^\s*\d+\s*$/.test(key) ? Number(key) : Number.NaN;
    if (!(id < maxLabels) || given.has(id))
      refuse('id2label', `class numbers below ${maxLabels}, once each`, formatValue(key));
    if (typeof value === 'object' && value !== null)
      refuse('id2label', `a label (a string) for class ${id}`, formatValue(value));
    given.set(id, value);
    last = Math.max(last, id);
  }
  const labels = Array.from({ length: last + 1 }, (_, id) =>
    String(given.get(id) ?? `LABEL_${id}`),
  );
  const ids = new Map<string, number>();
  labels.forEach((label, id) => {
    if (ids.has(label))
      refuse(
        'id2label',
        'labels that differ',
        `${formatValue(label)} for classes ${ids.get(label)} and ${id}: give each its own name`,
      );
    ids.set(label, id);
  });
  return labels;
}

/** The labels in the order of their numbers; undefined unless these are 0, 1, 2… once each. */
function invert(label2id: Record<string, unknown>, count?: number): string[] | undefined {
  const entries = Object.entries(label2id);
  if (entries.length === 0 || entries.length > maxLabels) return undefined;
  if (entries.length !== (count ?? entries.length)) return undefined;
  const labels: string[] = [];
  for (const [label, id] of entries)
    if (typeof id === 'number' || typeof id === 'string') labels[Number(id)] = label;
  const isWhole = labels.length === entries.length && !labels.includes(undefined as never);
  return isWhole ? labels : undefined;
}

const MAX_DEPTH = 100;

/**
 * Refuses nesting that no config.json has, before functions that call themselves run out of stack.
 * @throws UsageError
 */
export function checkDepth(json: object, source: string): void {
  let level: object[] = [json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH)
      throw new UsageError(`${source}: expected at most ${MAX_DEPTH} levels of nesting, got more`);
    level = level.flatMap((value) =>
      Object.values(value).filter((each) => typeof each === 'object' && each !== null),
    );
  }
}
