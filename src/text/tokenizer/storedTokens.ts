import * as v from 'valibot';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { AddedToken } from './options.ts';

/** What the JSON files of a tokenizer's folder have in common: how they are read, and tokens. */

/** Reads a JSON file of a folder; undefined if it is missing. */
export async function readOptionalJson(dir: string, name: string): Promise<unknown> {
  const path = joinPath(dir, name);
  return (await fileExists(path)) ? readJson(path) : undefined;
}

/**
 * The content of a JSON file as a schema describes it.
 * @throws UsageError naming the first field that the schema does not allow.
 */
export function parseStored<S extends v.GenericSchema>(
  path: string,
  content: unknown,
  schema: S,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, content);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = shorten(v.getDotPath(issue) ?? 'the file');
  if (issue.received === 'undefined') throw new UsageError(`${path}: ${field} is missing`);
  if (issue.expected === 'never')
    throw new UsageError(`${path}: ${field} is not a setting of a BERT tokenizer`);
  const expected = issue.type === 'custom' ? issue.message : issue.expected;
  throw new UsageError(`${path}: ${field}: expected ${expected}, got ${shorten(issue.received)}`);
}

const shorten = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/**
 * Ids by token. Not valibot's record, which skips names like "constructor": a token in some
 * vocabularies.
 */
export const idsByToken = v.custom<Record<string, number>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((id) => Number.isSafeInteger(id) && id >= 0),
  'an object of tokens and their ids',
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
