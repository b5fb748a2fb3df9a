import { ArgumentError } from '../platform/errors.ts';
import { requireOneOf } from '../platform/oneOf.ts';
import { checkOptions } from '../platform/options.ts';
import {
  arange,
  cat,
  dropout,
  linear,
  lt,
  mul,
  stack,
  type Tensor,
  tensor,
  toFloat,
} from '../tensor/index.ts';
import { checkProbability } from '../tensor/ops/dropout.ts';
import {
  type Cell,
  gru,
  lstm,
  rnnRelu,
  rnnTanh,
  runCell,
  unpackStates,
} from '../tensor/ops/recurrent.ts';
import { checkAtLeast } from '../tensor/ops/windowOptions.ts';
import { formatShape } from '../tensor/shape.ts';
import { boundOf, uniformParameter } from './layers.ts';
import { Module } from './module.ts';

/** Options of `LSTM`, `GRU` and `RNN`. */
export interface RecurrentOptions {
  /** Layers on top of each other. Default: 1. */
  numLayers?: number;
  /** Default: true. */
  bias?: boolean;
  /** Whether inputs and outputs are [batch, steps, …], not [steps, batch, …]. Default: false. */
  batchFirst?: boolean;
  /** Rate of dropout between layers, while training. Default: 0. */
  dropout?: number;
  /** Whether a second network goes from the last step to the first. Default: false. */
  bidirectional?: boolean;
}

const recurrentOptions = ['numLayers', 'bias', 'batchFirst', 'dropout', 'bidirectional'];

/** Number of steps of each sequence of a batch; on the device, int32 [batch]. */
export type Lengths = readonly number[] | Int32Array | Tensor;

/** Fields of parameters, such as `weightIhL0` and `biasHhL1Reverse`. */
type Parameters = Record<string, Tensor | undefined>;
const suffixOf = (layer: number, reverse: boolean) => `L${layer}${reverse ? 'Reverse' : ''}`;

/**
 * What `LSTM`, `GRU` and `RNN` share. Parameters have PyTorch's names and shapes: `weightIhL0`
 * [gates · hiddenSize, inputSize], `weightHhL0` [gates · hiddenSize, hiddenSize], `biasIhL0` and
 * `biasHhL0` [gates · hiddenSize]; with `Reverse` at the end for the other direction. They start
 * uniform within ±1/√hiddenSize.
 */
abstract class Recurrent extends Module {
  readonly [weight: `weight${'Ih' | 'Hh'}L${string}`]: Tensor;
  readonly [bias: `bias${'Ih' | 'Hh'}L${string}`]: Tensor | undefined;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly options: Readonly<Required<RecurrentOptions>>;
  readonly #cell: Cell;

  constructor(cell: Cell, inputSize: number, hiddenSize: number, options: RecurrentOptions) {
    super();
    checkOptions(this.constructor.name, options, recurrentOptions);
    const { numLayers = 1, bias = true, batchFirst = false, bidirectional = false } = options;
    const { dropout: rate = 0 } = options;
    checkProbability(this.constructor.name, rate);
    checkAtLeast(this.constructor.name, 1, { numLayers });
    this.#cell = cell;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.options = { numLayers, bias, batchFirst, bidirectional, dropout: rate };
    const bound = boundOf(hiddenSize);
    const rows = cell.gates * hiddenSize;
    const own = this as unknown as Parameters;
    for (let layer = 0; layer < numLayers; layer++)
      for (const reverse of this.#directions) {
        const suffix = suffixOf(layer, reverse);
        const columns = layer === 0 ? inputSize : hiddenSize * this.#directions.length;
        own[`weightIh${suffix}`] = uniformParameter([rows, columns], bound);
        own[`weightHh${suffix}`] = uniformParameter([rows, hiddenSize], bound);
        if (!bias) continue;
        own[`biasIh${suffix}`] = uniformParameter([rows], bound);
        own[`biasHh${suffix}`] = uniformParameter([rows], bound);
      }
  }

  get #directions(): boolean[] {
    return this.options.bidirectional ? [false, true] : [false];
  }

  /**
   * Runs all layers. `initial`: the states before the first step, each [layers · directions, batch,
   * hiddenSize].
   */
  protected run(
    x: Tensor,
    initial: readonly Tensor[] | undefined,
    lengths: Lengths | undefined,
  ): { output: Tensor; final: Tensor[] } {
    const { batchFirst, numLayers, dropout: rate } = this.options;
    const name = this.constructor.name;
    if (x.ndim === 2) return this.#runOne(x, initial, lengths);
    if (x.ndim !== 3 || x.shape[2] !== this.inputSize || x.shape[batchFirst ? 1 : 0] === 0) {
      throw new ArgumentError(
        `${name}: expected an input ${batchFirst ? '[batch, steps' : '[steps, batch'}, ` +
          `${this.inputSize}] with one step or more, got ${formatShape(x.shape)}`,
      );
    }
    let steps = batchFirst ? x.transpose(0, 1) : x;
    const [time, batch] = steps.shape;
    this.#checkInitial(initial, batch);
    const ends = lengths && lengthsOf(name, lengths, time, batch, x);
    const mask = ends && stepMask(ends, time);
    const finals: Tensor[][] = [];
    for (let layer = 0; layer < numLayers; layer++) {
      if (layer > 0) steps = dropout(steps, rate, this.training);
      const outputs = this.#directions.map((reverse) => {
        const start = initial?.map((state) => state.select(0, finals.length));
        const { output, final } = this.#runLayer(steps, layer, reverse, start, ends);
        finals.push(final);
        return mask ? mul(output, mask) : output;
      });
      steps = outputs.length === 1 ? outputs[0] : cat(outputs, 2);
    }
    return {
      output: batchFirst ? steps.transpose(0, 1) : steps,
      final: finals[0].map((_, state) => stack(finals.map((final) => final[state]))),
    };
  }

  #runLayer(
    x: Tensor,
    layer: number,
    reverse: boolean,
    start: readonly Tensor[] | undefined,
    lengths: Tensor | undefined,
  ): { output: Tensor; final: Tensor[] } {
    const suffix = suffixOf(layer, reverse);
    const { [`weightIh${suffix}`]: weightIh, [`weightHh${suffix}`]: weightHh } =
      this as unknown as Record<string, Tensor>;
    const { [`biasIh${suffix}`]: biasIh, [`biasHh${suffix}`]: biasHh } =
      this as unknown as Parameters;
    const states = runCell(this.#cell, {
      x: linear(x, weightIh, biasIh),
      weightHh,
      biasHh: biasHh ?? null,
      h0: start?.[0],
      c0: start?.[1],
      lengths,
      reverse,
    });
    return unpackStates(states, reverse);
  }

  /** One sequence without a dimension of the batch. */
  #runOne(x: Tensor, initial: readonly Tensor[] | undefined, lengths: Lengths | undefined) {
    const dim = this.options.batchFirst ? 0 : 1;
    const states = initial?.map((state) => state.unsqueeze(1));
    const { output, final } = this.run(x.unsqueeze(dim), states, lengths);
    return { output: output.squeeze(dim), final: final.map((state) => state.squeeze(1)) };
  }

  #checkInitial(initial: readonly Tensor[] | undefined, batch: number): void {
    const count = this.options.numLayers * this.#directions.length;
    const expected = formatShape([count, batch, this.hiddenSize]);
    for (const { shape } of initial ?? [])
      if (formatShape(shape) !== expected)
        throw new ArgumentError(
          `${this.constructor.name}: expected initial states of shape ${expected}, ` +
            `got ${formatShape(shape)}`,
        );
  }
}

/** @throws ArgumentError if a length known on the host is not 1 to `steps`. */
function lengthsOf(
  name: string,
  lengths: Lengths,
  steps: number,
  batch: number,
  { device }: Tensor,
): Tensor {
  if (!('dtype' in lengths)) {
    const wrong = Array.from(lengths).find((n) => !Number.isInteger(n) || n < 1 || n > steps);
    if (wrong !== undefined)
      throw new ArgumentError(
        `${name}: \`lengths\`: expected whole numbers from 1 to ${steps}, the steps of the ` +
          `input, got ${wrong}`,
      );
  }
  const ends = 'dtype' in lengths ? lengths : tensor(Int32Array.from(lengths), { device });
  if (ends.dtype !== 'int32' || formatShape(ends.shape) !== formatShape([batch]))
    throw new ArgumentError(
      `${name}: \`lengths\`: expected one int32 for each of ${batch} sequences, ` +
        `got ${ends.dtype} ${formatShape(ends.shape)}`,
    );
  return ends;
}

/** 1 at steps before a sequence's end, 0 after: [steps, batch, 1]. */
const stepMask = (lengths: Tensor, steps: number): Tensor =>
  toFloat(lt(arange(0, steps, { device: lengths.device }).reshape([steps, 1]), lengths)).unsqueeze(
    2,
  );

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997), PyTorch's `nn.LSTM`. Gates in the order
 * input, forget, cell, output.
 * @example
 * const lstm = new LSTM(300, 128, { batchFirst: true, bidirectional: true });
 * const [output, [hN, cN]] = lstm.forward(x, undefined, lengths);
 */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(lstm, inputSize, hiddenSize, options);
  }

  /**
   * x: [steps, batch, inputSize], or [batch, steps, inputSize] with `batchFirst`, or without a
   * batch; `initial`: [h0, c0], each [layers · directions, batch, hiddenSize]. → output [steps,
   * batch, directions · hiddenSize], and the states after the last step, shaped as `initial`.
   * @param lengths of the sequences: what comes after is padding, where the output is 0; the last
   *   states are those of the last real step (PyTorch's packed sequences)
   * @throws ArgumentError if a shape does not fit, or a length on the host is out of range.
   */
  forward(
    x: Tensor,
    initial?: readonly [h0: Tensor, c0: Tensor],
    lengths?: Lengths,
  ): [output: Tensor, states: [hN: Tensor, cN: Tensor]] {
    const { output, final } = this.run(x, initial, lengths);
    return [output, [final[0], final[1]]];
  }
}

/** A network whose only state is the hidden one. */
abstract class HiddenStateNetwork extends Recurrent {
  /**
   * x: [steps, batch, inputSize], or [batch, steps, inputSize] with `batchFirst`, or without a
   * batch; h0: [layers · directions, batch, hiddenSize], default: 0. → output [steps, batch,
   * directions · hiddenSize], and the state after the last step, shaped as h0.
   * @param lengths of the sequences: what comes after is padding, where the output is 0; the last
   *   state is that of the last real step (PyTorch's packed sequences)
   * @throws ArgumentError if a shape does not fit, or a length on the host is out of range.
   */
  forward(x: Tensor, h0?: Tensor, lengths?: Lengths): [output: Tensor, hN: Tensor] {
    const { output, final } = this.run(x, h0 && [h0], lengths);
    return [output, final[0]];
  }
}

/**
 * Gated recurrent units (Cho et al. 2014, arXiv 1406.1078), PyTorch's `nn.GRU`. Gates in the order
 * reset, update, new.
 * @example
 * const gru = new nn.GRU(8, 16, { batchFirst: true });
 * const [output, hN] = gru.forward(randn([2, 5, 8])); // [2, 5, 16] and [1, 2, 16]
 */
export class GRU extends HiddenStateNetwork {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(gru, inputSize, hiddenSize, options);
  }
}

/** Activation of `RNN` and `RNNCell`. */
export type Nonlinearity = 'tanh' | 'relu';
/** @throws ArgumentError for another word. */
export function elmanCell(name: string, nonlinearity: Nonlinearity): Cell {
  requireOneOf(nonlinearity, ['tanh', 'relu'], `${name}: \`nonlinearity\``);
  return nonlinearity === 'relu' ? rnnRelu : rnnTanh;
}

/**
 * Elman's network (1990), PyTorch's `nn.RNN`: h = tanh(weightIh x + biasIh + weightHh h + biasHh).
 * @example
 * const rnn = new nn.RNN(8, 16, { batchFirst: true });
 * const [output, hN] = rnn.forward(randn([2, 5, 8])); // [2, 5, 16] and [1, 2, 16]
 */
export class RNN extends HiddenStateNetwork {
  /** `nonlinearity`: tanh or relu. Default: tanh. */
  constructor(
    inputSize: number,
    hiddenSize: number,
    given: RecurrentOptions & { nonlinearity?: Nonlinearity } = {},
  ) {
    checkOptions('RNN', given, [...recurrentOptions, 'nonlinearity']);
    const { nonlinearity = 'tanh', ...options } = given;
    super(elmanCell('RNN', nonlinearity), inputSize, hiddenSize, options);
  }
}
