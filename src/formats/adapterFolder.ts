import { UsageError } from '../platform/errors.ts';
import { formatValue, isObject } from '../platform/format.ts';
import { readJson } from '../platform/readFiles.ts';

/** Ends of the names of Hugging Face's classes, by PEFT's names of tasks. */
const heads: Readonly<Record<string, string>> = {
  SEQ_CLS: 'ForSequenceClassification',
  TOKEN_CLS: 'ForTokenClassification',
  QUESTION_ANS: 'ForQuestionAnswering',
  FEATURE_EXTRACTION: 'Model',
};

/**
 * What adapter_config.json says.
 * @throws UsageError if it is not a JSON object.
 */
export async function readAdapterJson(path: string): Promise<Record<string, unknown>> {
  const json = await readJson(path);
  if (!isObject(json))
    throw new UsageError(`${path}: expected a JSON object, got ${formatValue(json)}`);
  return json;
}

/**
 * Folder of the base model, or its name on the hub, as an adapter_config.json names it.
 * @throws UsageError if it names none.
 */
export function baseModelName(json: Record<string, unknown>, path: string): string {
  const { base_model_name_or_path: name } = json;
  if (typeof name === 'string' && name !== '') return name;
  throw new UsageError(
    `${path}: base_model_name_or_path: expected the folder of the base model, ` +
      `got ${formatValue(name)}: set \`base\` to it`,
  );
}

export const isAbsolutePath = (path: string): boolean => /^(?:[/\\]|[a-z]+:)/i.test(path);

/**
 * The config.json of a model with an adapter that has none of its own: that of the base model, with
 * the class that the adapter's task stands for.
 */
export function adaptedConfig(
  base: Record<string, unknown>,
  { task_type: task }: Record<string, unknown>,
): Record<string, unknown> {
  const head = typeof task === 'string' ? heads[task] : undefined;
  if (head === undefined) return base;
  const { model_type: type = 'bert' } = base;
  const name = String(type);
  return { ...base, architectures: [`${name.charAt(0).toUpperCase()}${name.slice(1)}${head}`] };
}
