import { ArgumentError } from '../../platform/errors.ts';
import { cat, noGrad, scope, type Tensor } from '../../tensor/index.ts';

/**
 * All elements of parameters as one vector; gradients flow through it (PyTorch's
 * `parameters_to_vector`).
 * @example
 * parametersToVector([ones(2, 3), zeros(4)]).shape; // [10]
 */
export const parametersToVector = (parameters: readonly Tensor[]): Tensor =>
  cat(parameters.map((parameter) => parameter.reshape([parameter.size])));

/**
 * Writes a vector over parameters (PyTorch's `vector_to_parameters`).
 * @throws ArgumentError if the sizes differ.
 * @example
 * vectorToParameters(parametersToVector(teacher.parameters()), student.parameters());
 */
export function vectorToParameters(vector: Tensor, parameters: readonly Tensor[]): void {
  const total = parameters.reduce((sum, { size }) => sum + size, 0);
  if (vector.ndim !== 1 || vector.size !== total)
    throw new ArgumentError(
      `vectorToParameters: expected a vector of ${total} elements, ` +
        `got [${vector.shape.join(', ')}]`,
    );
  noGrad(() =>
    scope(() => {
      let start = 0;
      for (const parameter of parameters) {
        const part = vector.slice([[start, start + parameter.size]]);
        parameter.copy_(part.reshape(parameter.shape));
        start += parameter.size;
      }
    }),
  );
}
