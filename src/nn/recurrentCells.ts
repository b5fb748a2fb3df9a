import { ArgumentError } from '../platform/errors.ts';
import { checkOptions } from '../platform/options.ts';
import { linear, type Tensor } from '../tensor/index.ts';
import { type Cell, gru, lstm, runCell } from '../tensor/ops/recurrent.ts';
import { formatShape } from '../tensor/shape.ts';
import { boundOf, uniformParameter } from './layers.ts';
import { Module } from './module.ts';
import { elmanCell, type Nonlinearity } from './recurrent.ts';

/**
 * One step of a recurrent network. weightIh: [gates · hiddenSize, inputSize], weightHh: [gates ·
 * hiddenSize, hiddenSize], biasIh, biasHh: [gates · hiddenSize]; uniform within ±1/√hiddenSize.
 */
abstract class RecurrentCell extends Module {
  weightIh: Tensor;
  weightHh: Tensor;
  biasIh: Tensor | null;
  biasHh: Tensor | null;
  readonly #cell: Cell;

  constructor(cell: Cell, inputSize: number, hiddenSize: number, options: { bias?: boolean }) {
    super();
    checkOptions(this.constructor.name, options, ['bias']);
    const { bias = true } = options;
    const bound = boundOf(hiddenSize);
    const rows = cell.gates * hiddenSize;
    this.#cell = cell;
    this.weightIh = uniformParameter([rows, inputSize], bound);
    this.weightHh = uniformParameter([rows, hiddenSize], bound);
    this.biasIh = bias ? uniformParameter([rows], bound) : null;
    this.biasHh = bias ? uniformParameter([rows], bound) : null;
  }

  /** The states after a step. x: [batch, inputSize] or [inputSize]; states: [batch, hiddenSize]. */
  protected step(x: Tensor, states: readonly Tensor[] = []): Tensor[] {
    if (x.ndim === 1)
      return this.step(
        x.unsqueeze(0),
        states.map((state) => state.unsqueeze(0)),
      ).map((state) => state.squeeze(0));
    if (x.ndim !== 2)
      throw new ArgumentError(
        `${this.constructor.name}: expected an input [batch, ${this.weightIh.shape[1]}], ` +
          `got ${formatShape(x.shape)}`,
      );
    const expected = formatShape([x.shape[0], this.weightHh.shape[1]]);
    for (const { shape } of states)
      if (formatShape(shape) !== expected)
        throw new ArgumentError(
          `${this.constructor.name}: expected states of shape ${expected}, ` +
            `got ${formatShape(shape)}`,
        );
    const all = runCell(this.#cell, {
      x: linear(x, this.weightIh, this.biasIh).unsqueeze(0),
      weightHh: this.weightHh,
      biasHh: this.biasHh,
      h0: states[0],
      c0: states[1],
      reverse: false,
    });
    return Array.from({ length: all.shape[0] }, (_, state) => all.select(0, state).select(0, 1));
  }
}

/**
 * A step of `LSTM`.
 * @example
 * const cell = new nn.LSTMCell(8, 16);
 * const [h, c] = cell.forward(randn([2, 8])); // [2, 16] each
 */
export class LSTMCell extends RecurrentCell {
  constructor(inputSize: number, hiddenSize: number, options: { bias?: boolean } = {}) {
    super(lstm, inputSize, hiddenSize, options);
  }

  /**
   * x: [batch, inputSize], states: [h, c], each [batch, hiddenSize], default: 0; all may lack the
   * batch. → the next [h, c]
   * @throws ArgumentError if shapes do not fit.
   */
  forward(x: Tensor, states?: readonly [h: Tensor, c: Tensor]): [h: Tensor, c: Tensor] {
    const [h, c] = this.step(x, states);
    return [h, c];
  }
}

/** A cell whose only state is the hidden one. */
abstract class HiddenStateCell extends RecurrentCell {
  /**
   * x: [batch, inputSize], h: [batch, hiddenSize], default: 0; both may lack the batch. → next h
   * @throws ArgumentError if shapes do not fit.
   */
  forward(x: Tensor, h?: Tensor): Tensor {
    return this.step(x, h && [h])[0];
  }
}

/**
 * A step of `GRU`.
 * @example
 * const h = new nn.GRUCell(8, 16).forward(randn([2, 8])); // [2, 16]
 */
export class GRUCell extends HiddenStateCell {
  constructor(inputSize: number, hiddenSize: number, options: { bias?: boolean } = {}) {
    super(gru, inputSize, hiddenSize, options);
  }
}

/**
 * A step of `RNN`.
 * @example
 * const h = new nn.RNNCell(8, 16).forward(randn([2, 8])); // [2, 16]
 */
export class RNNCell extends HiddenStateCell {
  constructor(
    inputSize: number,
    hiddenSize: number,
    given: { bias?: boolean; nonlinearity?: Nonlinearity } = {},
  ) {
    checkOptions('RNNCell', given, ['bias', 'nonlinearity']);
    const { nonlinearity = 'tanh', ...options } = given;
    super(elmanCell('RNNCell', nonlinearity), inputSize, hiddenSize, options);
  }
}
