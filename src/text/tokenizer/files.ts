import * as v from 'valibot';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, readText } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { AddedToken } from './options.ts';

/** A JSON file of a folder; `undefined` where there is none. @throws UsageError naming what is wrong in it. */
export async function readJson<S extends v.GenericSchema>(dir: string, name: string, schema: S) {
  const path = joinPath(dir, name);
  if (!(await fileExists(path))) return undefined;
  const text = await readText(path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${(error as Error).message}`);
  }
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? 'the file';
  if (issue.received === 'undefined') throw new UsageError(`${path}: ${field} is missing`);
  if (issue.expected === 'never')
    throw new UsageError(`${path}: ${field} is no setting of a BERT tokenizer`);
  throw new UsageError(`${path}: ${field} is ${issue.received}; expected ${issue.expected}`);
}

// Not valibot's record, which skips names like "constructor": words that vocabularies have.
export const numbersByName = v.custom<Record<string, number>>(
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
