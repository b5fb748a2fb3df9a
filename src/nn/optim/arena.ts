import type { Device } from '../../device/device.ts';
import { copy } from '../../kernels/elementwise/arithmetic.ts';
import { BLOCK_SIZE } from '../../kernels/optimizers.ts';
import { ArgumentError, StateError } from '../../platform/errors.ts';
import { fillMemory } from '../../tensor/create.ts';
import {
  expectsSparseGrad,
  gradBufferOf,
  setGradBuffer,
  setTouchedRows,
  touchedRowsOf,
} from '../../tensor/gradBuffer.ts';
import { full, keep, noGrad, scope, type Tensor, tensor, zeros } from '../../tensor/index.ts';
import { isDenseAtOrigin, launchMap, tensorOver } from '../../tensor/launch.ts';
import { describe } from '../../tensor/print.ts';
import { contiguousStrides } from '../../tensor/shape.ts';
import { Storage } from '../../tensor/storage.ts';

/**
 * Parameters that an optimiser moved side by side into one buffer. Their gradients and the
 * optimiser's state lie in buffers of the same layout, so that one launch updates all of them. Each
 * parameter starts on a block of `BLOCK_SIZE` elements; the gaps hold zeros.
 * @example
 * const arena = new Arena(model.parameters(), 0);
 * arena.param.shape; // all of them, one behind the other
 */
export class Arena {
  readonly params: readonly Tensor[];
  /** Number of blocks. */
  readonly blocks: number;
  /** All parameters, flat. */
  readonly param: Tensor;
  /** All gradients, flat. */
  readonly grad: Tensor;
  /** For each block, the index of its parameter in the optimiser (int32, [blocks]). */
  readonly owners: Tensor;
  readonly #device: Device;
  readonly #starts: number[] = [];
  readonly #touchedRows: Tensor[] = [];

  /** `first`: index of the first parameter in the optimiser. */
  constructor(params: readonly Tensor[], first: number) {
    this.params = params;
    this.#device = params[0].device;
    let blocks = 0;
    for (const { size } of params) {
      this.#starts.push(blocks);
      blocks += Math.ceil(size / BLOCK_SIZE);
    }
    this.blocks = blocks;
    this.param = this.allocate();
    this.grad = this.allocate();
    const owners = new Int32Array(blocks);
    for (const [i, start] of this.#starts.entries())
      owners.fill(first + i, start, this.#starts[i + 1] ?? blocks);
    this.owners = keep(tensor(owners, { device: this.#device }));
    noGrad(() => {
      for (const [i, param] of params.entries()) scope(() => this.#adopt(param, this.#starts[i]));
    });
  }

  /**
   * A buffer of zeros with one number for each element of the parameters: state of an optimiser.
   */
  allocate(): Tensor {
    return keep(zeros([this.blocks * BLOCK_SIZE], { device: this.#device }));
  }

  /** The part of a buffer from `allocate` that belongs to a parameter, in the parameter's shape. */
  part(buffer: Tensor, param: Tensor): Tensor {
    return buffer.asStrided(
      param.shape,
      contiguousStrides(param.shape),
      this.#starts[this.params.indexOf(param)] * BLOCK_SIZE,
    );
  }

  /**
   * Copies in the gradients that were set by hand and lie elsewhere.
   * @throws StateError if a later optimiser took a parameter over.
   */
  copyInGradients(): void {
    for (const param of this.params) {
      const { grad, shape } = param;
      const gradBuffer = gradBufferOf(param);
      if (param.storage.parent !== this.param.storage) {
        throw new StateError(
          `optimizer: ${describe(param)} was given to a later optimizer: use that one`,
        );
      }
      if (!grad || grad.storage === gradBuffer) continue;
      // Copied twice: it may lie in this arena, and a launch may not write a buffer that it reads.
      noGrad(() => launchMap(copy, [launchMap(copy, [grad])], {}, tensorOver(gradBuffer!, shape)));
      const touchedRows = touchedRowsOf(gradBuffer!);
      if (touchedRows) fillMemory(touchedRows, 1);
    }
  }

  /** Frees the gradients; the parameters stay where they are. */
  dispose(): void {
    for (const param of this.params) {
      // A later optimiser may have taken it over.
      if (gradBufferOf(param)?.parent !== this.grad.storage) continue;
      param.grad?.dispose();
      param.grad = null;
      setGradBuffer(param, undefined);
    }
    for (const tensor of [this.param, this.grad, this.owners, ...this.#touchedRows])
      tensor.dispose();
  }

  #adopt(param: Tensor, start: number): void {
    const range = {
      offset: start * BLOCK_SIZE * 4,
      size: Math.ceil(param.size / BLOCK_SIZE) * BLOCK_SIZE * 4,
    };
    if (!ownsMemory(param))
      throw new ArgumentError(
        `optimizer: expected parameters with memory of their own, got ${describe(param)}, a ` +
          `part of ` +
          'another tensor: optimize that one, or a copy (`x.clone().detach()`)',
      );
    const part = (of: Tensor) => new Storage(this.#device, { parent: of.storage, ...range });
    launchMap(copy, [param.detach()], {}, tensorOver(part(this.param), param.shape));
    param.storage.moveInto({ parent: this.param.storage, ...range });
    const previousGrad = param.grad;
    const gradBuffer = part(this.grad);
    setGradBuffer(param, gradBuffer);
    if (expectsSparseGrad(param)) {
      const touchedRows = keep(
        full([param.shape[0]], previousGrad ? 1 : 0, { dtype: 'int32', device: this.#device }),
      );
      setTouchedRows(gradBuffer, touchedRows);
      this.#touchedRows.push(touchedRows);
    }
    if (previousGrad) {
      param.grad = keep(launchMap(copy, [previousGrad], {}, tensorOver(gradBuffer, param.shape)));
      previousGrad.dispose();
    }
  }
}

/** Whether the memory holds this parameter alone (and the gap that an earlier optimiser left). */
const ownsMemory = (param: Tensor): boolean =>
  param.size === 0 ||
  (isDenseAtOrigin(param) &&
    (param.storage.parent !== undefined || param.storage.bytes === 4 * param.size));

/**
 * Packs parameters into as few arenas as the adapter's largest binding allows. `first`: index of
 * the first of them in the optimiser.
 */
export function packArenas(params: readonly Tensor[], first: number): Arena[] {
  const limit = params[0].device.traits.maxBinding / 4;
  const packs: Tensor[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const param of params) {
    const size = Math.ceil(param.size / BLOCK_SIZE) * BLOCK_SIZE;
    if (used + size > limit) {
      packs.push([]);
      used = 0;
    }
    packs.at(-1)!.push(param);
    used += size;
  }
  let next = first;
  return packs.map((pack) => {
    next += pack.length;
    return new Arena(pack, next - pack.length);
  });
}
