import { modelFiles } from '../../../formats/modelFiles.ts';
import type { ModelFolder } from '../../../formats/modelFolder.ts';
import { type LoraConfig, scalingOf } from '../../../nn/lora/loraConfig.ts';
import { targetPredicate } from '../../../nn/lora/modules.ts';
import { UsageError } from '../../../platform/errors.ts';
import { formatValue } from '../../../platform/format.ts';
import { addWeightsFromFile, type Weight } from '../weights.ts';
import { parseAdapterConfig } from './config.ts';

/** What an adapter changes in a linear layer: scaling · B A is added to its weight. */
export interface LayerChange {
  /** [r, in] */
  readonly A: Weight;
  /** [out, r] */
  readonly B: Weight;
  readonly scaling: number;
}

/** The adapter in a folder that PEFT, or `PeftModel`, wrote. */
export interface AdapterCheckpoint {
  readonly config: LoraConfig;
  /** By the names of the layers in the base model. */
  readonly layers: ReadonlyMap<string, LayerChange>;
  /** What is saved whole, by the names of the weights in the base model. */
  readonly saved: ReadonlyMap<string, Weight>;
}

/** What PEFT puts before each name of the base model. */
export const PREFIX = 'base_model.model.';

/**
 * Reads the adapter of a folder. Weights are read when they are asked for.
 * @throws UsageError for another kind of adapter, or weights that are not those of its
 * configuration.
 */
export async function readAdapter(folder: ModelFolder): Promise<AdapterCheckpoint> {
  const config = parseAdapterConfig(folder.adapter!.json, folder.path(modelFiles.adapterConfig));
  if (await folder.has('adapter_model.bin'))
    if (!(await folder.has(modelFiles.adapterWeights)))
      throw new UsageError(
        `${folder.name} has its weights in adapter_model.bin, a pickle, which could run code: ` +
          'save it again in Python, model.save_pretrained(folder, safe_serialization=True)',
      );
  await folder.require(modelFiles.adapterWeights);
  const path = folder.path(modelFiles.adapterWeights);
  const tensors = new Map<string, Weight>();
  await addWeightsFromFile(tensors, folder.dir, modelFiles.adapterWeights);
  const halves = { A: new Map<string, Weight>(), B: new Map<string, Weight>() };
  const saved = new Map<string, Weight>();
  for (const [name, weight] of tensors) {
    const known = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
    const [, layer, half] = /^(.+)\.lora_([AB])\.weight$/.exec(known ?? '') ?? [];
    if (known === undefined || (!layer && /\.lora_/.test(known)))
      throw new UsageError(
        `${path}: expected ${PREFIX}… .lora_A.weight, .lora_B.weight and weights saved whole, ` +
          `got ${formatValue(name)}, which is not supported`,
      );
    if (layer) halves[half as 'A' | 'B'].set(layer, weight);
    else saved.set(known.replace('.base_layer.', '.'), weight);
  }
  return { config, layers: pairHalves(halves, config, path), saved };
}

function pairHalves(
  halves: Readonly<Record<'A' | 'B', ReadonlyMap<string, Weight>>>,
  config: LoraConfig,
  path: string,
): Map<string, LayerChange> {
  const layers = new Map<string, LayerChange>();
  for (const layer of new Set([...halves.A.keys(), ...halves.B.keys()])) {
    const [A, B] = [halves.A.get(layer), halves.B.get(layer)];
    if (!A || !B) throw new UsageError(`${path}: ${layer}.lora_${A ? 'B' : 'A'}.weight is missing`);
    const { r, scaling } = scalingOf(config, layer);
    const isPair = A.shape.length === 2 && B.shape.length === 2;
    if (!isPair || A.shape[0] !== r || B.shape[1] !== r)
      throw new UsageError(
        `${path}: ${layer}: expected A of [${r}, in] and B of [out, ${r}], as its ` +
          `${modelFiles.adapterConfig} says, got ${formatValue(A.shape)} and ` +
          formatValue(B.shape),
      );
    layers.set(layer, { A, B, scaling });
  }
  if (layers.size === 0) throw new UsageError(`${path}: expected weights of LoRA, got none`);
  return layers;
}

/**
 * The weights of the base model with an adapter's changes; they are computed when they are read.
 * @param base weights of the base model
 * @param source names the adapter and its base model in messages
 * @throws UsageError if the base model lacks a layer, or has one of another shape.
 */
export function mergeAdapter(
  base: ReadonlyMap<string, Weight>,
  { config, layers, saved }: AdapterCheckpoint,
  source: { adapter: string; base: string },
): Map<string, Weight> {
  const tensors = likeNamed(base, [...layers.keys()][0]);
  for (const [layer, change] of layers) {
    const name = `${layer}.weight`;
    const weight = tensors.get(name);
    const { A, B } = change;
    const expected = [B.shape[0], A.shape[1]];
    if (weight?.shape.join() !== expected.join())
      throw new UsageError(
        `${source.adapter} is an adapter for another model than ${source.base}: expected ${name} ` +
          `of ${formatValue(expected)}, got ${weight ? formatValue(weight.shape) : 'none'}; ` +
          'set `base` to the folder of the model that it was trained on',
      );
    tensors.set(name, mergedWeight(weight, change));
  }
  checkComplete(tensors, { config, layers, saved }, source.adapter);
  for (const [name, weight] of saved) tensors.set(name, weight);
  return tensors;
}

/**
 * Names with regular expressions that only Python reads are not checked: the weights say enough.
 * @throws UsageError if an adapter lacks a layer of the encoder that its configuration names.
 */
function checkComplete(
  tensors: ReadonlyMap<string, Weight>,
  { config, layers, saved }: AdapterCheckpoint,
  adapter: string,
): void {
  const whole = Array.from(saved.keys(), (name) => name.slice(0, name.lastIndexOf('.')));
  let isTarget: (name: string) => boolean;
  try {
    isTarget = targetPredicate(config, config.bias === 'none' ? whole : []);
  } catch {
    return;
  }
  for (const [name, { shape }] of tensors) {
    const layer = name.replace(/\.weight$/, '');
    if (shape.length !== 2 || !/(^|\.)encoder\.layer\./.test(layer) || layers.has(layer)) continue;
    if (isTarget(layer))
      throw new UsageError(
        `${adapter}: ${modelFiles.adapterWeights} lacks ${layer}.lora_A.weight, although ` +
          `target_modules in its ${modelFiles.adapterConfig} names the layer`,
      );
  }
}

/** The weights under names that begin as that of `layer`: with `bert.` in front, or without. */
function likeNamed(base: ReadonlyMap<string, Weight>, layer: string): Map<string, Weight> {
  if (base.has(`${layer}.weight`)) return new Map(base);
  const without = layer.replace(/^bert\./, '');
  if (without !== layer && base.has(`${without}.weight`))
    return new Map(
      Array.from(base, ([name, weight]) => [
        name.replace(/^(?=(embeddings|encoder|pooler)\.)/, 'bert.'),
        weight,
      ]),
    );
  return new Map(Array.from(base, ([name, weight]) => [name.replace(/^bert\./, ''), weight]));
}

/** W + scaling · B A, rounded to float32 once. */
function mergedWeight(weight: Weight, { A, B, scaling }: LayerChange): Weight {
  const { shape } = weight;
  const [rows, cols] = shape;
  const r = A.shape[0];
  return {
    shape,
    get data() {
      const [w, a, b] = [weight.data, A.data, B.data];
      const merged = new Float32Array(rows * cols);
      const row = new Float64Array(cols);
      for (let i = 0; i < rows; i++) {
        row.set(w.subarray(i * cols, (i + 1) * cols));
        for (let k = 0; k < r; k++) {
          const factor = scaling * b[i * r + k];
          for (let j = 0; j < cols; j++) row[j] += factor * a[k * cols + j];
        }
        merged.set(row, i * cols);
      }
      return merged;
    },
  };
}
