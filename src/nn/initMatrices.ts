import { ArgumentError } from '../platform/errors.ts';
import { globalGenerator } from '../tensor/globalRng.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Philox } from '../tensor/random.ts';
import { formatShape } from '../tensor/shape.ts';

/**
 * Fills a matrix in place with ones on the diagonal and zeros elsewhere, PyTorch's `eye_`.
 * @throws ArgumentError unless it has two dimensions.
 * @example
 * nn.init.eye_(zeros(2, 2)); // [[1, 0], [0, 1]]
 */
export function eye_(tensor: Tensor): Tensor {
  if (tensor.ndim !== 2)
    throw new ArgumentError(`eye_: expected two dimensions, got ${formatShape(tensor.shape)}`);
  const cols = tensor.shape[1];
  return tensor.copy_(
    Float32Array.from({ length: tensor.size }, (_, i) => Number(i % cols === Math.floor(i / cols))),
  );
}

/**
 * Fills a weight [out, …] in place with a random matrix [out, rest] whose shorter side is
 * orthonormal, times `gain` (Saxe, McClelland & Ganguli 2014, arXiv 1312.6120), PyTorch's
 * `orthogonal_`.
 * @throws ArgumentError if the tensor has fewer than two dimensions.
 * @example
 * nn.init.orthogonal_(zeros(4, 16)).shape; // [4, 16]
 */
export function orthogonal_(tensor: Tensor, gain = 1, random: Philox = globalGenerator()): Tensor {
  const { shape, size } = tensor;
  if (shape.length < 2)
    throw new ArgumentError(
      `orthogonal_: expected a tensor of two dimensions or more, got ${formatShape(shape)}`,
    );
  if (size === 0) return tensor;
  const [rows, cols] = [shape[0], size / shape[0]];
  const [count, length] = [Math.min(rows, cols), Math.max(rows, cols)];
  const vectors = orthonormal(count, length, random);
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const [row, col] = [Math.floor(i / cols), i % cols];
    values[i] = gain * (rows <= cols ? vectors[row][col] : vectors[col][row]);
  }
  return tensor.copy_(values);
}

/** Random vectors made orthonormal by Gram and Schmidt, twice over for exactness. */
function orthonormal(count: number, length: number, random: Philox): Float64Array[] {
  const done: Float64Array[] = [];
  const project = (v: Float64Array, on: Float64Array) => {
    let share = 0;
    for (let i = 0; i < length; i++) share += v[i] * on[i];
    for (let i = 0; i < length; i++) v[i] -= share * on[i];
  };
  while (done.length < count) {
    const v = Float64Array.from({ length }, () => random.normal());
    for (let pass = 0; pass < 2; pass++) for (const other of done) project(v, other);
    const norm = Math.sqrt(v.reduce((total, x) => total + x * x, 0));
    if (norm > 1e-6) done.push(v.map((x) => x / norm));
  }
  return done;
}
