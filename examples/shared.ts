import { noGrad, type Tensor, tensor } from 'wigbert';
import type { Module } from 'wigbert/nn';

/** Numbers in [0, 1) from a linear congruential generator, the same in every language. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A float32 tensor of numbers in [-1, 1). */
export function uniform(seed: number, ...shape: number[]): Tensor {
  const random = generator(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, () => 2 * random() - 1),
    { shape },
  );
}

/** An int32 tensor of numbers from `low` to below `high`. */
export function integers(seed: number, low: number, high: number, ...shape: number[]): Tensor {
  const random = generator(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const draw = () => low + Math.floor(random() * (high - low));
  return tensor(Int32Array.from({ length: size }, draw), { shape });
}

/** Weights that follow from their names: within ±1/√fanIn; biases 0, those of norms as they are. */
export function initWeights(model: Module): void {
  for (const [name, parameter] of model.namedParameters()) {
    if (name.includes('bias')) noGrad(() => parameter.zero_());
    if (name.includes('bias') || parameter.ndim < 2) continue;
    const seed = [...name].reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) >>> 0, 7);
    const random = generator(seed);
    const bound = 1 / Math.sqrt(parameter.size / parameter.shape[0]);
    const draw = () => (2 * random() - 1) * bound;
    const values = Float32Array.from({ length: parameter.size }, draw);
    noGrad(() => parameter.copy_(values));
  }
}
