import type { Device } from '../../device/device.ts';
import { dropout as kernel } from '../../kernels/elementwise/dropout.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { seeding } from '../create.ts';
import { run } from '../launch.ts';
import { keep } from '../scope.ts';
import { empty, type Tensor } from '../tensor.ts';
import { contiguous } from './views.ts';

/** Calls after which the device is told the count anew; until then a call's number is a parameter, and may be cached. */
const REBASE = 1024;

/** Where dropout's random numbers stand on a device: the seed and the number of calls so far, modulo 2^32. */
export class DropoutGenerator {
  readonly state: Tensor;
  #seeding = -1;
  #isTold = false;
  #seed = 0;
  #base = 0;
  #calls = 0;

  constructor(device: Device) {
    this.state = keep(empty([4], 'int32', device));
  }

  /** The next call's number since seeding. */
  next(): number {
    if (!this.#isTold || this.#seeding !== seeding.count || this.#calls === REBASE) this.rebase();
    return this.#base + this.#calls++;
  }

  /** Moves the base to here: a step that starts so has the same parameters each time. */
  rebase(): void {
    const reseeded = this.#seeding !== seeding.count;
    this.#seeding = seeding.count;
    this.#seed = seeding.seed;
    this.#moveTo(reseeded ? 0 : this.#base + this.#calls);
  }

  /** What the device was told never reached it. */
  tellAgain(): void {
    this.#isTold = false;
  }

  /** A call's number from the base that the device knows, as a u32. */
  relative(call: number): number {
    return (call - this.#base) >>> 0;
  }

  #moveTo(base: number): void {
    this.#isTold = true;
    this.#base = base;
    this.#calls = 0;
    this.state.copy_([this.#seed | 0, Math.floor(this.#seed / 0x100000000) | 0, base | 0, 0]);
  }
}

const generators = new WeakMap<Device, DropoutGenerator>();

/** The dropout generator of a device. */
export function dropoutGenerator(device: Device): DropoutGenerator {
  let generator = generators.get(device);
  if (!generator) generators.set(device, (generator = new DropoutGenerator(device)));
  return generator;
}

/** What kernels that draw a mask are told when there is none to draw. */
export const NO_DROPOUT = { call: 0, threshold: 0, scale: 1 } as const;

/** Throws ArgumentError when a rate is not one. */
export function checkRate(operation: string, rate: number): void {
  if (!(rate >= 0 && rate <= 1))
    throw new ArgumentError(`${operation}: a rate from 0 to 1 was expected, not ${rate}`);
}

/** A new mask, as kernels draw it: `params` are to be asked for at each launch. */
export function drawDropout(device: Device, rate: number) {
  const generator = dropoutGenerator(device);
  let call = 0;
  device.eachStep(() => {
    call = generator.next();
  });
  return {
    state: generator.state,
    params: () => ({
      call: generator.relative(call),
      threshold: Math.min(0xffffffff, Math.floor(rate * 2 ** 32)),
      scale: rate === 1 ? 0 : 1 / (1 - rate),
    }),
  };
}

/**
 * Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate); the identity unless `training`.
 * The mask depends on the seed and the number of calls alone, and is the same on every device.
 */
export function dropout(x: Tensor, rate: number, training = true): Tensor {
  checkRate('dropout', rate);
  if (!training || rate === 0) return x;
  const mask = drawDropout(x.device, rate);
  const drop = (values: Tensor): Tensor => {
    const y = empty(x.shape, 'float32', x.device);
    run(
      kernel,
      { state: mask.state, x: contiguous(values), y },
      { count: x.size, first: 0, ...mask.params() },
    );
    return y;
  };
  return record('dropout', drop(x.detach()), [x], (dy) => [drop(dy)]);
}
