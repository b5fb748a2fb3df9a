/** adapter_config.json of PEFT: which parts of it we read, and what we write. */

import { type LoraConfig, loraConfig } from '../../../nn/lora/loraConfig.ts';
import { UsageError } from '../../../platform/errors.ts';
import { formatValue, isObject } from '../../../platform/format.ts';

/** Fields that change what an adapter computes, and the values under which they change nothing. */
const unsupported: Readonly<Record<string, string>> = {
  use_dora: 'DoRA',
  lora_bias: 'biases of adapters',
  layer_replication: 'repeated layers',
  trainable_token_indices: 'trained tokens',
  target_parameters: 'adapted parameters',
  use_qalora: 'QALoRA',
  use_bdlora: 'BD-LoRA',
  alora_invocation_tokens: 'activated LoRA',
  arrow_config: 'Arrow',
};

const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/**
 * The configuration in a parsed adapter_config.json; `path` names the file in messages.
 * @throws UsageError for another kind of adapter, for what is not supported, or a value out of
 * range.
 */
export function parseAdapterConfig(json: Record<string, unknown>, path: string): LoraConfig {
  checkSupported(json, (field, expected) => {
    const got = formatValue(json[field]);
    throw new UsageError(`${path}: ${field}: expected ${expected}, got ${got}`);
  });
  const layers = json.layers_to_transform ?? undefined;
  try {
    return loraConfig({
      r: json.r as number,
      loraAlpha: json.lora_alpha as number,
      loraDropout: (json.lora_dropout ?? 0) as number,
      targetModules: orNone(json.target_modules) as string[] | undefined,
      excludeModules: orNone(json.exclude_modules) as string[] | undefined,
      layersToTransform: typeof layers === 'number' ? [layers] : (layers as number[] | undefined),
      modulesToSave: orNone(json.modules_to_save) as string[] | undefined,
      bias: (json.bias ?? 'none') as LoraConfig['bias'],
      useRslora: json.use_rslora === true,
      rankPattern: (json.rank_pattern ?? {}) as Record<string, number>,
      alphaPattern: (json.alpha_pattern ?? {}) as Record<string, number>,
      baseModelNameOrPath: orNone(json.base_model_name_or_path) as string | undefined,
    });
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

function checkSupported(
  json: Record<string, unknown>,
  refuse: (field: string, expected: string) => void,
): void {
  if (json.peft_type !== 'LORA') refuse('peft_type', '"LORA", the adapters that are supported');
  for (const [field, what] of Object.entries(unsupported))
    if (!isNothing(json[field])) refuse(field, `none: ${what} is not supported`);
  const init = json.init_lora_weights ?? true;
  // PiSSA, OLoRA and the like begin with a part of the base model's weights, which they change.
  if (typeof init === 'string' && !['gaussian', 'orthogonal', 'eva'].includes(init))
    refuse('init_lora_weights', 'true: adapters that change the base model are not supported');
  for (const field of ['r', 'lora_alpha'])
    if (typeof json[field] !== 'number') refuse(field, 'a number');
  for (const field of ['rank_pattern', 'alpha_pattern'])
    if (!isObject(json[field] ?? {})) refuse(field, 'an object');
}

const orNone = (value: unknown): unknown => value ?? undefined;

/** What PEFT calls the tasks of models, by the ends of their classes' names. */
const taskTypes: readonly (readonly [ending: string, taskType: string])[] = [
  ['ForSequenceClassification', 'SEQ_CLS'],
  ['ForTokenClassification', 'TOKEN_CLS'],
  ['ForQuestionAnswering', 'QUESTION_ANS'],
  ['Model', 'FEATURE_EXTRACTION'],
];

/** The text of an adapter_config.json that Python's peft reads. */
export function adapterConfigToJson(config: LoraConfig, architecture: string): string {
  const [, taskType = null] = taskTypes.find(([end]) => architecture.endsWith(end)) ?? [];
  const json = {
    alpha_pattern: config.alphaPattern,
    auto_mapping: null,
    base_model_name_or_path: config.baseModelNameOrPath ?? null,
    bias: config.bias,
    ...(config.excludeModules !== undefined && { exclude_modules: config.excludeModules }),
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: config.layersToTransform ?? null,
    lora_alpha: config.loraAlpha,
    lora_dropout: config.loraDropout,
    modules_to_save: config.modulesToSave ?? null,
    peft_type: 'LORA',
    r: config.r,
    rank_pattern: config.rankPattern,
    revision: null,
    target_modules: config.targetModules,
    task_type: taskType,
    use_rslora: config.useRslora,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
