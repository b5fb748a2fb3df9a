import type { Device } from '../../device/device.ts';
import { copy } from '../../kernels/elementwise/arithmetic.ts';
import { BLOCK } from '../../kernels/optimizers.ts';
import { ArgumentError, StateError } from '../../platform/errors.ts';
import { fillWith } from '../../tensor/create.ts';
import { full, keep, noGrad, scope, type Tensor, tensor, zeros } from '../../tensor/index.ts';
import { map, overStorage } from '../../tensor/launch.ts';
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
  /** Of each block, the number of its parameter among the optimiser's. */
  readonly owners: Tensor;
  readonly #device: Device;
  readonly #starts: number[] = [];
  readonly #touched: Tensor[] = [];

  /** `first`: the number of the first parameter among the optimiser's. */
  constructor(params: readonly Tensor[], first: number) {
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
    const owners = new Int32Array(blocks);
    for (const [i, start] of this.#starts.entries())
      owners.fill(first + i, start, this.#starts[i + 1] ?? blocks);
    this.owners = keep(tensor(owners, { device: this.#device }));
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
    return buffer.view(
      param.shape,
      contiguousStrides(param.shape),
      this.#starts[this.params.indexOf(param)] * BLOCK,
    );
  }

  /**
   * Copies in the gradients that lie elsewhere, having been set by hand.
   * @throws ArgumentError when one has not its parameter's shape; Error when a later optimiser took a parameter over.
   */
  takeGradients(): void {
    for (const param of this.params) {
      const { grad, gradSlot, shape } = param;
      if (param.storage.parent !== this.param.storage) {
        throw new StateError(
          `optimizer: ${param} was given to another optimiser since: of two, use the later one`,
        );
      }
      if (!grad || grad.storage === gradSlot) continue;
      if (show(grad.shape) !== show(shape)) {
        throw new ArgumentError(
          `optimizer: a gradient of shape ${show(grad.shape)} was set on a parameter of ${show(shape)}`,
        );
      }
      // By a detour, since it may lie in another slot, and a launch may not write a buffer that it reads.
      noGrad(() => map(copy, [map(copy, [grad])], {}, overStorage(gradSlot!, shape)));
      if (gradSlot!.touched) fillWith(gradSlot!.touched, 1);
    }
  }

  /** Frees the gradients; the parameters stay where they are. */
  dispose(): void {
    for (const param of this.params) {
      // A later optimiser may have taken it over.
      if (param.gradSlot?.parent !== this.grad.storage) continue;
      param.grad?.dispose();
      param.grad = null;
      param.gradSlot = undefined;
    }
    for (const tensor of [this.param, this.grad, this.owners, ...this.#touched]) tensor.dispose();
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
      param.gradSlot.touched = keep(
        full([param.shape[0]], before ? 1 : 0, { dtype: 'int32', device: this.#device }),
      );
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
  let first = 0;
  return packs.map((pack) => {
    first += pack.length;
    return new Arena(pack, first - pack.length);
  });
}
