import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { Tensor } from '../../tensor/index.ts';
import { formatShape } from '../../tensor/shape.ts';

/**
 * What an optimiser needs to continue where another stopped (PyTorch's `state_dict`). `T` holds an
 * array of numbers.
 */
export interface OptimizerState<O, T> {
  /** For each parameter, in the order of the groups: its steps so far, and its state buffers. */
  state: { step: number; buffers: Record<string, T> }[];
  /** The hyperparameters of each group, and the indices of its parameters. */
  paramGroups: (O & { params: number[]; initialLr?: number })[];
}

/** A state buffer, on the device or on the host. */
export type StateValue = Tensor | { data: Float32Array };

/** @throws ArgumentError if a state is not one of the same parameters as `own`. */
export function checkState<O>(
  { state, paramGroups }: OptimizerState<O, StateValue>,
  own: OptimizerState<O, Tensor>,
): void {
  const layout = (groups: readonly { params: readonly number[] }[]) =>
    groups.map(({ params }) => params.join()).join(' ');
  if (layout(paramGroups) !== layout(own.paramGroups) || state.length !== own.state.length)
    throw new ArgumentError(
      'loadStateDict: expected a state of the same groups of parameters, got others',
    );
  for (const [i, { buffers }] of own.state.entries()) {
    const { step, buffers: given } = state[i];
    const names = Object.keys(given).sort().join();
    const expected = Object.keys(buffers).sort().join();
    if (names !== expected)
      throw new ArgumentError(
        `loadStateDict: parameter ${i}: expected the buffers ${expected}, got ${names}`,
      );
    if (!Number.isInteger(step) || step < 0)
      throw new ArgumentError(
        `loadStateDict: parameter ${i}: \`step\`: expected a whole number ≥ 0, ` +
          `got ${formatValue(step)}`,
      );
    for (const [name, tensor] of Object.entries(buffers))
      checkBuffer(`loadStateDict: parameter ${i}: \`${name}\``, given[name], tensor);
  }
}

function checkBuffer(name: string, value: StateValue, { shape, size, device }: Tensor): void {
  if (!(value instanceof Tensor)) {
    if (value?.data?.length === size) return;
    throw new ArgumentError(
      `${name}: expected ${size} numbers for shape ${formatShape(shape)}, ` +
        `got ${value?.data?.length ?? formatValue(value)}`,
    );
  }
  if (formatShape(value.shape) !== formatShape(shape) || value.dtype !== 'float32')
    throw new ArgumentError(
      `${name}: expected float32 ${formatShape(shape)}, ` +
        `got ${value.dtype} ${formatShape(value.shape)}`,
    );
  if (value.device !== device)
    throw new ArgumentError(
      `${name}: expected a tensor on the device of the parameters, got one on another: give its ` +
        'numbers, `{ data: await x.data() }`',
    );
}
