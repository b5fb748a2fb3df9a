import type { LoraConfig } from '../../../nn/lora/loraConfig.ts';
import { isSavedIn } from '../../../nn/lora/savedTensors.ts';
import { UsageError } from '../../../platform/errors.ts';
import { formatNames, formatValue } from '../../../platform/format.ts';
import { noGrad, scope, type Tensor } from '../../../tensor/index.ts';
import type { AdapterCheckpoint } from '../../checkpoint/adapter/read.ts';
import type { Weight } from '../../checkpoint/weights.ts';
import type { BertPreTrainedModel } from '../../pretrainedModel.ts';

/** @throws UsageError unless a name is free, and may be a part of the names of weights. */
export function checkName(name: string, taken: ReadonlyMap<string, unknown>): void {
  if (!/^[^.]+$/.test(name))
    throw new UsageError(`expected a name of an adapter without dots, got ${formatValue(name)}`);
  if (taken.has(name))
    throw new UsageError(`expected a name that is free, got that of an adapter, '${name}'`);
}

/** The module that a weight belongs to. */
const moduleOf = (weight: string): string => weight.slice(0, weight.lastIndexOf('.'));

/** PEFT names all of them, whichever the model has. */
const HEADS = ['classifier', 'score', 'qa_outputs'];

/**
 * Modules that an adapter saves whole: by default the head, as PEFT's kinds of tasks, and always
 * those that the folder of the model lacked, since nobody else has their weights.
 * @throws UsageError naming one that the model does not have.
 */
export function modulesToSaveOf(
  model: BertPreTrainedModel,
  { modulesToSave }: Partial<LoraConfig>,
): string[] {
  const names = model.namedModules().map(([name]) => name);
  const saved = modulesToSave ?? HEADS.filter((head) => names.includes(head));
  for (const end of saved)
    if (!HEADS.includes(end) && !names.some((name) => `.${name}`.endsWith(`.${end}`)))
      throw new UsageError(
        `\`modulesToSave\`: expected modules of the model, got ${formatValue(end)}`,
      );
  const lacking = model.loadReport.missing.map(moduleOf).filter((name) => !isSavedIn(saved)(name));
  return [...new Set([...saved, ...lacking])];
}

/** Modules that the file of an adapter has whole, or parts of. */
export const savedModules = ({ saved }: AdapterCheckpoint): string[] => [
  ...new Set(Array.from(saved.keys(), moduleOf)),
];

/** @throws UsageError unless the layers of an adapter, and what it saves whole, are a model's. */
export function checkShapes(
  { layers, saved }: AdapterCheckpoint,
  model: BertPreTrainedModel,
  source: string,
): void {
  const shapes = new Map(
    Array.from(model.stateDict(), ([name, { shape }]) => [
      name.replace('.base_layer.', '.'),
      shape,
    ]),
  );
  const changed = Array.from(layers, ([layer, { A, B }]): [string, readonly number[]] => [
    `${layer}.weight`,
    [B.shape[0], A.shape[1]],
  ]);
  const whole = Array.from(saved, ([name, weight]): [string, readonly number[]] => [
    name,
    weight.shape,
  ]);
  for (const [name, expected] of [...changed, ...whole]) {
    const shape = shapes.get(name);
    if (shape?.join() !== expected.join())
      throw new UsageError(
        `${source} is an adapter for another model: expected ${name} of ` +
          `${formatValue(expected)}, got ${shape ? formatValue(shape) : 'none'}`,
      );
  }
}

/**
 * Copies an adapter into the tensors of a model's adapter, which have PEFT's names.
 * @throws UsageError unless names and shapes are the same.
 */
export function copyAdapter(
  { layers, saved }: AdapterCheckpoint,
  tensors: ReadonlyMap<string, Tensor>,
  source: string,
): void {
  const found = new Map<string, Weight>(saved);
  for (const [layer, { A, B }] of layers)
    found.set(`${layer}.lora_A.weight`, A).set(`${layer}.lora_B.weight`, B);
  const own = new Map(
    Array.from(tensors, ([name, tensor]) => [name.replace('.base_layer.', '.'), tensor]),
  );
  for (const [name, { shape }] of own)
    if (found.get(name)?.shape.join() !== shape.join())
      throw new UsageError(
        `${source}: ${name}: expected ${formatValue(shape)}, ` +
          `got ${found.has(name) ? formatValue(found.get(name)!.shape) : 'none'}`,
      );
  const unexpected = [...found.keys()].filter((name) => !own.has(name));
  if (unexpected.length > 0)
    throw new UsageError(`${source}: the model has no ${formatNames(unexpected)}`);
  noGrad(() =>
    scope(() => {
      for (const [name, tensor] of own) tensor.copy_(found.get(name)!.data);
    }),
  );
}
