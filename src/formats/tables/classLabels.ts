import { isObject } from '../../platform/format.ts';

/** Turns a value into one in which labels are names. */
type Named = (value: unknown) => unknown;

const same: Named = (value) => value;

/**
 * Reads what Hugging Face's datasets write into the schema of a Parquet file under `huggingface`:
 * which columns are `ClassLabel`s, whose ids stand for names.
 * @param source JSON; undefined, or anything else, names nothing
 * @returns the value of a column with names in place of ids; -1, no label, becomes null.
 */
export function classLabelReader(
  source: string | undefined,
): (column: string, value: unknown) => unknown {
  const named = new Map(Object.entries(featuresOf(source)).map(([key, it]) => [key, namedBy(it)]));
  return (column, value) => (named.get(column) ?? same)(value);
}

function featuresOf(source = '{}'): Record<string, unknown> {
  try {
    const features = JSON.parse(source)?.info?.features;
    return isObject(features) ? features : {};
  } catch {
    return {};
  }
}

/** The naming of a feature's values; undefined if it holds no labels. */
function namedBy(feature: unknown): Named | undefined {
  if (Array.isArray(feature)) return inList(namedBy(feature[0]));
  if (!isObject(feature)) return undefined;
  const { _type: type, names, feature: inner } = feature;
  if (type === 'ClassLabel' && Array.isArray(names)) return nameIn(names);
  if (type === 'Sequence' || type === 'List' || type === 'LargeList') {
    const each = namedBy(inner);
    // A sequence of structs is stored as a struct of lists.
    return type === 'Sequence' && isObject(inner) && inner._type === undefined
      ? inStruct(Object.fromEntries(Object.entries(inner).map(([key, it]) => [key, [it]])))
      : inList(each);
  }
  return type === undefined ? inStruct(feature) : undefined;
}

const nameIn =
  (names: readonly unknown[]): Named =>
  (id) => {
    if (id === -1) return null;
    return typeof id === 'number' && typeof names[id] === 'string' ? names[id] : id;
  };

const inList = (each: Named | undefined): Named | undefined =>
  each && ((value) => (Array.isArray(value) ? value.map(each) : value));

function inStruct(fields: Record<string, unknown>): Named | undefined {
  const named = Object.entries(fields).flatMap(([key, field]): [string, Named][] => {
    const by = namedBy(field);
    return by ? [[key, by]] : [];
  });
  if (named.length === 0) return undefined;
  return (value) => {
    if (!isObject(value)) return value;
    const changed = named.filter(([key]) => Object.hasOwn(value, key));
    return { ...value, ...Object.fromEntries(changed.map(([key, by]) => [key, by(value[key])])) };
  };
}
