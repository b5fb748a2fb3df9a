import type { Module } from '../../nn/index.ts';
import { weightDecayGroups } from './hyperparameters.ts';

/**
 * Parameter groups for AdamW with a learning rate for each layer: `decay` to the power of the
 * layers above it, as in Sun et al. 2019 (arXiv 1905.05583, §5.3.4). The embeddings lie below the
 * lowest layer; the top layer and the head have the full rate, and come first.
 * @example
 * new AdamW(layerDecayGroups(model, { learningRate: 2e-5, layerDecay: 0.95, weightDecay: 0.01 }));
 */
export function layerDecayGroups(
  model: Module,
  options: { learningRate: number; layerDecay: number; weightDecay: number },
) {
  const { learningRate, layerDecay, weightDecay } = options;
  const names = model.namedParameters().map(([name]) => name);
  const layers = Math.max(0, ...names.map((name) => (layerOf(name) ?? -1) + 1));
  const layersAbove = (name: string): number => {
    if (/(^|\.)embeddings\./.test(name)) return layers;
    const layer = layerOf(name);
    return layer === undefined ? 0 : layers - 1 - layer;
  };
  const nameOf = new Map(model.namedParameters().map(([name, parameter]) => [parameter, name]));
  return Array.from({ length: layers + 1 }, (_, above) =>
    weightDecayGroups(model, weightDecay).map((group) => ({
      ...group,
      params: group.params.filter((param) => layersAbove(nameOf.get(param)!) === above),
      lr: learningRate * layerDecay ** above,
    })),
  ).flat();
}

/** The number of a parameter's layer, from 0. */
function layerOf(name: string): number | undefined {
  const [, layer] = /(?:^|\.)layer\.(\d+)\./.exec(name) ?? [];
  return layer === undefined ? undefined : Number(layer);
}
