import type { Cell } from '../../kernels/recurrent/cell.ts';
import { noGrad, record } from '../autograd.ts';
import { fillMemory } from '../create.ts';
import { launch } from '../launch.ts';
import { scope } from '../scope.ts';
import { storeInto } from '../storeStrided.ts';
import { empty, type Tensor } from '../tensor.ts';
import { sumToSize } from './broadcasting.ts';
import { add } from './elementwise.ts';
import { linear, matmul } from './matmul.ts';
import { contiguous, select, slice, transpose } from './views.ts';

export { gru, lstm, rnnRelu, rnnTanh } from '../../kernels/recurrent/cells.ts';
export type { Cell };

export interface RecurrentInputs {
  /** All steps times the input weight, plus its bias: [steps, batch, gates · size]. */
  x: Tensor;
  /** [gates · size, size]. */
  weightHh: Tensor;
  /** [gates · size]. */
  biasHh: Tensor | null;
  /** The state before the first step, [batch, size], or 0; `c0` for LSTM. */
  h0?: Tensor;
  c0?: Tensor;
  /** The length of each sequence, int32 [batch]. Default: all steps. */
  lengths?: Tensor;
  /** Whether to go from the last step to the first. */
  reverse: boolean;
}

/**
 * Runs a recurrent cell over all steps: per step one product and one element-wise launch, and the
 * same in backward. The gradient of the weight is one product over all steps.
 * @returns the states [1 or 2, steps + 1, batch, size]: hidden, and the cell's for LSTM. Time t
 *   turns slot t into slot t + 1, or with `reverse` slot t + 1 into slot t. A sequence that is over
 *   keeps its state.
 */
export function runCell(
  cell: Cell,
  { x, weightHh, biasHh, h0, c0, lengths, reverse }: RecurrentInputs,
): Tensor {
  const { device } = x;
  const [steps, batch] = x.shape;
  const size = weightHh.shape[1];
  const gates = contiguous(x);
  const ends = lengths ? contiguous(lengths) : fillMemory(empty([batch], 'int32', device), steps);
  const states = empty([cell.states, steps + 1, batch, size], 'float32', device);
  const saved = empty([steps, batch, cell.saved * size], 'float32', device);
  const places = Array.from({ length: steps }, (_, i) =>
    reverse
      ? { t: steps - 1 - i, slot: steps - i, nextSlot: steps - 1 - i }
      : { t: i, slot: i, nextSlot: i + 1 },
  );
  const start = reverse ? steps : 0;
  const slot = (of: Tensor, state: number, place: number) =>
    of.asStrided([batch, size], [size, 1], (state * (steps + 1) + place) * batch * size);
  const sizes = { steps, batch, size };
  noGrad(() =>
    scope(() => {
      if (!h0) fillMemory(states, 0);
      else storeInto(slot(states, 0, start), h0.detach());
      if (h0 && c0) storeInto(slot(states, 1, start), c0.detach());
    }),
  );
  for (const place of places)
    noGrad(() =>
      scope(() => {
        const g = linear(slot(states, 0, place.slot), weightHh, biasHh);
        launch(cell.step, { x: gates, g, lengths: ends, states, saved }, { ...sizes, ...place });
      }),
    );
  const inputs = [gates, weightHh, ...[biasHh, h0, c0].filter((t) => !!t)];
  return record(`${cell.name}Layer`, states, inputs, (dy) => {
    const dstates = contiguous(dy);
    const dx = empty(gates.shape, 'float32', device);
    const dg = cell.separate ? empty(gates.shape, 'float32', device) : dx;
    const carry = fillMemory(empty([cell.states, batch, size], 'float32', device), 0);
    let dh = fillMemory(empty([batch, size], 'float32', device), 0);
    const buffers = {
      ...{ dstates, carry, saved, states, lengths: ends, dx },
      ...((cell.separate ? { dg } : {}) as { dg: Tensor }),
    };
    for (const place of [...places].reverse()) {
      launch(cell.stepBackward, { ...buffers, dh }, { ...sizes, ...place });
      const before = dh;
      dh = matmul(select(dg, 0, place.t), weightHh);
      before.dispose();
    }
    const rows = [steps * batch, gates.shape[2]];
    const flat = dg.asStrided(rows, [rows[1], 1], 0);
    const firstState = reverse ? 1 : 0;
    const hidden = states.asStrided([rows[0], size], [size, 1], firstState * batch * size);
    const ofStart = (state: number) => slot(dstates, state, start);
    return [
      dx,
      weightHh.requiresGrad ? matmul(transpose(flat, 0, 1), hidden) : null,
      ...(biasHh ? [sumToSize(flat, biasHh.shape)] : []),
      ...(h0 ? [add(add(dh, select(carry, 0, 0)), ofStart(0))] : []),
      ...(h0 && c0 ? [add(select(carry, 0, 1), ofStart(1))] : []),
    ];
  });
}

/** Hidden states after each step in the order of time, and the last state of each kind. */
export function unpackStates(
  states: Tensor,
  reverse: boolean,
): { output: Tensor; final: Tensor[] } {
  const steps = states.shape[1] - 1;
  const output = slice(select(states, 0, 0), [reverse ? [0, steps] : [1, steps + 1]]);
  const final = Array.from({ length: states.shape[0] }, (_, state) =>
    select(select(states, 0, state), 0, reverse ? 0 : steps),
  );
  return { output, final };
}
