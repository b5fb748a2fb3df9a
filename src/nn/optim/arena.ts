import type { Device } from '../../gpu/device.ts';
import { copy } from '../../kernels/elementwise.ts';
import { BLOCK, SKIP } from '../../kernels/optimizers.ts';
import { fillWith } from '../../tensor/create.ts';
import { full, keep, noGrad, scope, type Tensor, zeros } from '../../tensor/index.ts';
import { map, overStorage } from '../../tensor/run.ts';
import { contiguousStrides, show } from '../../tensor/shape.ts';
import { Storage } from '../../tensor/storage.ts';

/**
 * Parameters moved side by side into one buffer, with their gradients and the optimiser's state in buffers of the same
 * layout, so that one launch updates them all. Each starts on a block; the gaps hold zeros.
 */
export class Arena {
  readonly params: readonly Tensor[];
  readonly blocks: number;
  readonly param: Tensor;
  readonly grad: Tensor;
  /** Which row of hyperparameters each block follows. */
  readonly groups: Tensor;
  readonly #device: Device;
  readonly #starts: number[] = [];
  readonly #touched: Tensor[] = [];
  #rows: readonly number[] = [];

  constructor(params: readonly Tensor[]) {
    this.params = params;
    this.#device = params[0].device;
    let blocks = 0;
    for (const { size } of params) {
      this.#starts.push(blocks);
      blocks += Math.ceil(size / BLOCK);
    }
    this.blocks = blocks;
    this.param = this.zeros();
    this.grad = this.zeros();
    this.groups = keep(zeros([blocks], { dtype: 'int32', device: this.#device }));
    noGrad(() => {
      for (const [i, param] of params.entries()) scope(() => this.#moveIn(param, this.#starts[i]));
    });
  }

  /** Room for one number per element of the parameters, as the optimiser's state needs it. */
  zeros(): Tensor {
    return keep(zeros([this.blocks * BLOCK], { device: this.#device }));
  }

  /** The part of a buffer from `zeros` that belongs to a parameter, in its shape. */
  part(buffer: Tensor, param: Tensor): Tensor {
    return buffer.view(param.shape, contiguousStrides(param.shape), this.#starts[this.params.indexOf(param)] * BLOCK);
  }

  /** Says which row of hyperparameters each parameter follows; -1: none, it is left alone. */
  assign(rows: readonly number[]): void {
    if (rows.length === this.#rows.length && rows.every((row, i) => row === this.#rows[i])) return;
    this.#rows = rows;
    const table = new Int32Array(this.blocks);
    for (const [i, row] of rows.entries()) {
      table.fill(row < 0 ? SKIP | 0 : row, this.#starts[i], this.#starts[i + 1] ?? this.blocks);
    }
    this.groups.copy_(table);
  }

  /**
   * Copies in the gradients that lie elsewhere, having been set by hand.
   * @throws RangeError when one has not its parameter's shape.
   */
  takeGradients(): void {
    for (const { grad, gradSlot, shape } of this.params) {
      if (!grad || grad.storage === gradSlot) continue;
      if (show(grad.shape) !== show(shape)) {
        throw new RangeError(`optimizer: a gradient of shape ${show(grad.shape)} was set on a parameter of ${show(shape)}`);
      }
      noGrad(() => map(copy, [grad], {}, overStorage(gradSlot!, shape)));
      if (gradSlot!.touched) fillWith(gradSlot!.touched, 1);
    }
  }

  /** Frees the gradients; the parameters stay where they are. */
  dispose(): void {
    for (const param of this.params) {
      param.grad?.dispose();
      param.grad = null;
      param.gradSlot = undefined;
    }
    for (const tensor of [this.param, this.grad, this.groups, ...this.#touched]) tensor.dispose();
  }

  #moveIn(param: Tensor, start: number): void {
    const place = { offset: start * BLOCK * 4, size: Math.ceil(param.size / BLOCK) * BLOCK * 4 };
    const part = (of: Tensor) => new Storage(this.#device, { parent: of.storage, ...place });
    const storage = part(this.param);
    map(copy, [param.detach()], {}, overStorage(storage, param.shape));
    param.moveTo(storage);
    const before = param.grad;
    param.gradSlot = part(this.grad);
    if (param.byRows) {
      param.gradSlot.touched = keep(full([param.shape[0]], before ? 1 : 0, { dtype: 'int32', device: this.#device }));
      this.#touched.push(param.gradSlot.touched);
    }
    if (before) {
      param.grad = keep(map(copy, [before], {}, overStorage(param.gradSlot, param.shape)));
      before.dispose();
    }
  }
}

/** Arenas for parameters: as few as the adapter's largest binding allows. */
export function packArenas(params: readonly Tensor[]): Arena[] {
  const limit = params[0].device.traits.maxBinding / 4;
  const packs: Tensor[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const param of params) {
    const size = Math.ceil(param.size / BLOCK) * BLOCK;
    if (used + size > limit) {
      packs.push([]);
      used = 0;
    }
    packs.at(-1)!.push(param);
    used += size;
  }
  return packs.map((pack) => new Arena(pack));
}
