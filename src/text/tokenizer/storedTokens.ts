import * as v from 'valibot';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { AddedToken } from './options.ts';

/** What the JSON files of a tokenizer's folder have in common: how they are read, and tokens. */

/**
 * Reads a JSON file of a folder; undefined if it is missing.
 * @throws UsageError naming the first field that the schema does not allow.
 */
export async function readOptionalJson<S extends v.GenericSchema>(
  dir: string,
  name: string,
  schema: S,
): Promise<v.InferOutput<S> | undefined> {
  const path = joinPath(dir, name);
  if (!(await fileExists(path))) return undefined;
  const parsed = v.safeParse(schema, await readJson(path));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? 'the file';
  if (issue.received === 'undefined') throw new UsageError(`${path}: ${field} is missing`);
  if (issue.expected === 'never')
    throw new UsageError(`${path}: ${field} is not a setting of a BERT tokenizer`);
  throw new UsageError(`${path}: ${field}: expected ${issue.expected}, got ${issue.received}`);
}

/**
 * Ids by token. Not valibot's record, which skips names like "constructor": a token in some
 * vocabularies.
 */
export const idsByToken = v.custom<Record<string, number>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((id) => Number.isSafeInteger(id) && id >= 0),
);

const flag = v.nullish(v.boolean());
export const storedFlags = {
  content: v.string(),
  single_word: flag,
  lstrip: flag,
  rstrip: flag,
  normalized: flag,
  special: flag,
};
type StoredFlags = v.InferOutput<v.StrictObjectSchema<typeof storedFlags, undefined>>;

/** A token as Hugging Face stores it: its text, or its text and flags. */
export const storedToken = v.union([
  v.string(),
  v.pipe(v.looseObject(storedFlags), v.transform(fromStored)),
]);
export type StoredToken = string | AddedToken;

export function fromStored({
  content,
  single_word,
  lstrip,
  rstrip,
  normalized,
  special,
}: StoredFlags): AddedToken {
  const given = { singleWord: single_word, lstrip, rstrip, normalized, special };
  return {
    content,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value === 'boolean')),
  };
}

export function toStored({
  content,
  singleWord,
  lstrip,
  rstrip,
  normalized,
  special,
}: Required<AddedToken>) {
  return { content, single_word: singleWord, lstrip, rstrip, normalized, special };
}

export const contentOf = (token: StoredToken): string =>
  typeof token === 'string' ? token : token.content;
