import * as v from 'valibot';
import { modelFiles } from '../../formats/modelFiles.ts';
import { isObject } from '../../platform/format.ts';
import { joinPath } from '../../platform/runtime.ts';
import { checkModelType } from './algorithm.ts';
import { parseStored, readOptionalJson } from './storedTokens.ts';

/**
 * Settings of the file that no option has, written back as they are: as in transformers, each call
 * chooses its own truncation and padding (null: not set).
 */
export interface PassthroughSettings {
  truncation: object | null;
  padding: object | null;
  /** Whether the decoder cleans up what it joins, before `cleanUpTokenizationSpaces` is asked. */
  cleanup?: boolean;
}
const passthroughSchema = v.looseObject({
  truncation: v.nullish(v.looseObject({})),
  padding: v.nullish(v.looseObject({})),
  decoder: v.nullish(v.looseObject({ cleanup: v.nullish(v.boolean()) })),
});
export const passthroughSettings = ({
  truncation,
  padding,
  decoder,
}: v.InferInput<typeof passthroughSchema>): PassthroughSettings => ({
  truncation: truncation ?? null,
  padding: padding ?? null,
  ...(typeof decoder?.cleanup === 'boolean' && { cleanup: decoder.cleanup }),
});

/**
 * The settings to write back of a file that is otherwise ignored; undefined if it is missing.
 * @throws UsageError if it is not JSON.
 */
export async function readPassthroughSettings(
  dir: string,
): Promise<PassthroughSettings | undefined> {
  const content = await readWordPieceJson(dir);
  return content === undefined
    ? undefined
    : passthroughSettings(
        parseStored(joinPath(dir, modelFiles.tokenizer), content, passthroughSchema),
      );
}

/**
 * The content of the file; undefined if it is missing.
 * @throws UsageError if its model is not WordPiece.
 */
export async function readWordPieceJson(dir: string): Promise<unknown> {
  const content = await readOptionalJson(dir, modelFiles.tokenizer);
  if (!isObject(content) || !isObject(content.model)) return content;
  const { type, merges, vocab } = content.model;
  // Old files omit the type: only BPE has merges, and only Unigram a list of pieces.
  const implied = merges ? 'BPE' : Array.isArray(vocab) ? 'Unigram' : 'WordPiece';
  checkModelType(joinPath(dir, modelFiles.tokenizer), type ?? implied);
  return content;
}
