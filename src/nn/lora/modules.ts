import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue } from '../../platform/format.ts';
import { Linear } from '../layers.ts';
import type { Module } from '../module.ts';
import { type LoraConfig, regularExpression } from './loraConfig.ts';
import { LoraLinear } from './loraLinear.ts';
import { isSavedIn } from './savedTensors.ts';

/** Tells names that are one of these, or end in one; a text is a regular expression. */
function matcher(
  patterns: readonly string[] | string,
  field: keyof TargetConfig,
): (name: string) => boolean {
  if (typeof patterns !== 'string')
    return (name) => patterns.some((end) => name === end || name.endsWith(`.${end}`));
  const expression = regularExpression(patterns, field);
  return (name) => expression.test(name);
}

type TargetConfig = Pick<LoraConfig, 'targetModules' | 'excludeModules' | 'layersToTransform'>;

/**
 * Whether a configuration adapts a linear layer of a name, as PEFT decides it. What is saved whole
 * is not adapted.
 * @throws UsageError for a regular expression that JavaScript does not read.
 */
export function targetPredicate(
  { targetModules, excludeModules = [], layersToTransform }: TargetConfig,
  saved: readonly string[],
): (name: string) => boolean {
  const isSaved = isSavedIn(saved);
  const isHere = (name: string) => {
    if (!layersToTransform) return true;
    const [, layer] = /(?:^|\.)layer\.(\d+)\./.exec(name) ?? [];
    return layer !== undefined && layersToTransform.includes(Number(layer));
  };
  const isNamed =
    targetModules === 'all-linear' ? () => true : matcher(targetModules, 'targetModules');
  const isExcluded = matcher(excludeModules, 'excludeModules');
  return (name) => isNamed(name) && !isExcluded(name) && isHere(name) && !isSaved(name);
}

/**
 * Names of the linear layers that a configuration adapts.
 * @throws UsageError if there is none, or a name stands for something else than a linear layer.
 */
export function findTargets(
  model: Module,
  config: TargetConfig,
  saved: readonly string[],
): string[] {
  const isTarget = targetPredicate(config, saved);
  const isSaved = isSavedIn(saved);
  const modules = model
    .namedModules()
    .filter(([name]) => !/\.(base_layer|lora_\w+\.[^.]+)$/.test(name) && !isSaved(name));
  const isLinear = (module: Module) => module instanceof Linear || module instanceof LoraLinear;
  const namesOf = (linear: boolean) =>
    modules.filter(([, module]) => isLinear(module) === linear).map(([name]) => name);
  const found = namesOf(true).filter(isTarget);
  const { targetModules } = config;
  const wrong = targetModules === 'all-linear' ? undefined : namesOf(false).find(isTarget);
  if (wrong === undefined && found.length > 0) return found;
  const known = new Set(namesOf(true).map((name) => name.split('.').at(-1)!));
  throw new UsageError(
    `\`targetModules\`: expected names of linear layers (${formatNames([...known])}), ` +
      `got ${formatValue(targetModules)}${wrong === undefined ? '' : `, which names ${wrong}`}`,
  );
}

/**
 * Puts a module in the place of another, wherever it stands below `root`.
 * @throws UsageError if it stands in no field, array or map there.
 */
export function replaceModule(root: Module, old: Module, replacement: Module): void {
  let count = 0;
  const replaceIn = (container: object): void => {
    const entries: Iterable<[unknown, unknown]> =
      container instanceof Map ? container : Object.entries(container);
    for (const [key, value] of [...entries]) {
      if (value === old) {
        if (container instanceof Map) container.set(key, replacement);
        else (container as Record<string, unknown>)[key as string] = replacement;
        count++;
      } else if (Array.isArray(value) || value instanceof Map) replaceIn(value);
    }
  };
  for (const module of [...root.modules()]) replaceIn(module);
  if (count === 0)
    throw new UsageError('expected a linear layer in a field of its module, got one elsewhere');
}
