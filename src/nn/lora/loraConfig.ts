import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { checkKeys } from '../../platform/usage.ts';

/** Which biases are trained besides: none, those of the whole model, or of the adapted layers. */
const biasModes = ['none', 'all', 'lora_only'] as const;

/**
 * Low-rank adaptation (Hu et al. 2021, arXiv 2106.09685), with the names and defaults of PEFT's
 * `LoraConfig`: y = W x + B A x · loraAlpha / r, where only A and B are trained.
 * @example
 * const config: Partial<LoraConfig> = { r: 16, loraAlpha: 32, targetModules: ['query', 'value'] };
 */
export interface LoraConfig {
  /** Rank of B A. Default 8. */
  readonly r: number;
  /** B A is scaled by `loraAlpha / r`. Default 8. */
  readonly loraAlpha: number;
  /** Dropout on the input of A. Default 0. */
  readonly loraDropout: number;
  /**
   * The linear layers: names, or ends of names after a dot; a text is a regular expression for
   * whole names; 'all-linear': all but the head. Default: query and value.
   */
  readonly targetModules: readonly string[] | string;
  /** Layers that are left out, as `targetModules`. Default: none. */
  readonly excludeModules?: readonly string[] | string;
  /** Numbers of the encoder's layers to adapt. Default: all. */
  readonly layersToTransform?: readonly number[];
  /** Modules that are trained and saved whole, by the ends of their names. Default: the head. */
  readonly modulesToSave?: readonly string[];
  /** Biases that are trained too. Default: none. */
  readonly bias: (typeof biasModes)[number];
  /** Scales by loraAlpha / √r instead (Kalajdzievski 2023, arXiv 2312.03732). Default false. */
  readonly useRslora: boolean;
  /** Ranks of layers with another one, by the ends of their names or regular expressions. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** The same of `loraAlpha`. */
  readonly alphaPattern: Readonly<Record<string, number>>;
  /** Folder of the base model, or its name on the hub. Default: where the model was read from. */
  readonly baseModelNameOrPath?: string;
}

/** Defaults of `LoraConfig`. */
export const loraDefaults = {
  r: 8,
  loraAlpha: 8,
  loraDropout: 0,
  targetModules: ['query', 'value'],
  bias: 'none',
  useRslora: false,
  rankPattern: {},
  alphaPattern: {},
} as const satisfies LoraConfig;

const fields: readonly string[] = [
  ...Object.keys(loraDefaults),
  ...['excludeModules', 'layersToTransform', 'modulesToSave', 'baseModelNameOrPath'],
];

/**
 * A configuration with defaults for what is missing.
 * @throws UsageError if a field is unknown or out of range.
 */
export function loraConfig(partial: Partial<LoraConfig> = {}): LoraConfig {
  checkKeys(partial, fields, 'field of LoraConfig');
  const given = Object.entries(partial).filter(([, value]) => value !== undefined);
  const config: LoraConfig = { ...loraDefaults, ...Object.fromEntries(given) };
  const check = (field: keyof LoraConfig, isValid: boolean, expected: string) => {
    if (!isValid)
      throw new UsageError(`\`${field}\`: expected ${expected}, got ${formatValue(config[field])}`);
  };
  const isRank = (r: unknown) => Number.isInteger(r) && (r as number) >= 1;
  const isAlpha = (alpha: unknown) => Number.isFinite(alpha) && (alpha as number) > 0;
  const isNames = (value: unknown) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '');
  const isTarget = (value: unknown) => (typeof value === 'string' ? value !== '' : isNames(value));
  check('r', isRank(config.r), 'a whole number of at least 1');
  check('loraAlpha', isAlpha(config.loraAlpha), 'a number above 0');
  const { loraDropout: p } = config;
  check('loraDropout', p >= 0 && p < 1, 'a number of at least 0 and below 1');
  const names = "names of layers, a regular expression or 'all-linear'";
  check('targetModules', isTarget(config.targetModules), names);
  check('excludeModules', isTarget(config.excludeModules ?? []), 'names or a regular expression');
  const layers = config.layersToTransform ?? [];
  check('layersToTransform', Array.isArray(layers), 'a list of numbers of layers');
  check('modulesToSave', isNames(config.modulesToSave ?? []), 'names of modules');
  check('bias', biasModes.includes(config.bias), `one of ${biasModes.join(', ')}`);
  check('rankPattern', Object.values(config.rankPattern).every(isRank), 'ranks by name');
  check('alphaPattern', Object.values(config.alphaPattern).every(isAlpha), 'numbers by name');
  for (const field of ['rankPattern', 'alphaPattern'] as const)
    for (const pattern of Object.keys(config[field])) regularExpression(pattern, field);
  return config;
}

/** Rank and scale of the adapter of a layer. */
export function scalingOf(config: LoraConfig, layer: string): { r: number; scaling: number } {
  const r = patternValue(config.rankPattern, layer) ?? config.r;
  const alpha = patternValue(config.alphaPattern, layer) ?? config.loraAlpha;
  return { r, scaling: alpha / (config.useRslora ? Math.sqrt(r) : r) };
}

/** The value of the first pattern that is a name's end, as PEFT's `get_pattern_key`. */
function patternValue(
  patterns: Readonly<Record<string, number>>,
  name: string,
): number | undefined {
  const key = Object.keys(patterns).find((pattern) =>
    new RegExp(`^(?:(.*\\.)?(${pattern}))$`).test(name),
  );
  return key === undefined ? undefined : patterns[key];
}

/**
 * A regular expression for whole names.
 * @param field names it in the message
 * @throws UsageError if it is not one.
 */
export function regularExpression(text: string, field: keyof LoraConfig): RegExp {
  try {
    return new RegExp(`^(?:${text})$`);
  } catch {
    throw new UsageError(
      `\`${field}\`: expected names or a regular expression that JavaScript reads, ` +
        `got ${formatValue(text)}`,
    );
  }
}
