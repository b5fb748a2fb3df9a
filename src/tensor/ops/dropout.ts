import type { Device } from '../../device/device.ts';
import { dropout as kernel } from '../../kernels/elementwise/dropout.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { noteWrite } from '../captureGuard.ts';
import { drawOnce } from '../drawOnce.ts';
import { globalSeed } from '../globalRng.ts';
import { hostWrite } from '../hostWrite.ts';
import { launch } from '../launch.ts';
import { operation } from '../operation.ts';
import { keep } from '../scope.ts';
import { empty, type Tensor } from '../tensor.ts';
import { contiguous } from './views.ts';

/**
 * Calls between two uploads of the count; in between a call's number is a parameter, which can be
 * cached.
 */
const MAX_CALLS_PER_BASE = 1024;

/**
 * Calls that each part of a step has for itself. A part that makes more goes on with the numbers of
 * the next one: the base must not move, whoever computes the part.
 */
export const CALLS_PER_PART = 1024;

/**
 * State of dropout's random numbers on a device: the seed and the number of calls so far, modulo
 * 2^32.
 */
export class DropoutGenerator {
  readonly state: Tensor;
  #seedCount = -1;
  #isUploaded = false;
  #seed = 0;
  #base = 0;
  #calls = 0;
  /** Calls since the base was uploaded; -∞ while the base stays. */
  #drawn = 0;

  constructor(device: Device) {
    this.state = keep(empty([4], 'int32', device));
  }

  /** The next call's number since seeding. */
  nextCall(): number {
    if (
      !this.#isUploaded ||
      this.#seedCount !== globalSeed.count ||
      this.#drawn >= MAX_CALLS_PER_BASE
    )
      this.rebase();
    this.#drawn++;
    return this.#base + this.#calls++;
  }

  /** Calls since seeding. */
  get position(): number {
    return this.#seedCount === globalSeed.count ? this.#base + this.#calls : 0;
  }

  /** Continues as after `position` calls. */
  seek(position: number): void {
    // Masks of another seed cannot be drawn again.
    if (this.#isUploaded && this.#seed !== globalSeed.seed) noteWrite(this.state, 'manualSeed');
    this.#seedCount = globalSeed.count;
    this.#seed = globalSeed.seed;
    this.#uploadBase(position);
  }

  /** Moves the base to the current call, so that a step has the same parameters each time. */
  rebase(): void {
    this.seek(this.position);
  }

  /** Goes on with the calls of a part of the step that began at the base; parts count from 0. */
  enterPart(part: number): void {
    this.#calls = part * CALLS_PER_PART;
    this.#drawn = Number.NEGATIVE_INFINITY;
  }

  /** A captured step begins, all of whose masks read the state that it finds: the base stays. */
  beginStep(): void {
    this.rebase();
    this.#drawn = Number.NEGATIVE_INFINITY;
  }

  /** The captured step has ended. */
  endStep(): void {
    this.#drawn = this.#calls;
  }

  /** Uploads the state again before the next call: the last upload never ran. */
  invalidate(): void {
    this.#isUploaded = false;
  }

  /** A call's number relative to the uploaded base, as a u32. */
  offsetOf(call: number): number {
    return (call - this.#base) >>> 0;
  }

  #uploadBase(base: number): void {
    this.#isUploaded = true;
    this.#base = base;
    this.#calls = 0;
    this.#drawn = 0;
    // No write that a backward must fear: calls are counted from the new base, so masks stay.
    const words = [this.#seed | 0, Math.floor(this.#seed / 0x100000000) | 0, base | 0, 0];
    const { device, storage } = this.state;
    hostWrite(device, storage.binding, Int32Array.from(words));
  }
}

const generators = new WeakMap<Device, DropoutGenerator>();

/** The dropout generator of a device. */
export function dropoutGenerator(device: Device): DropoutGenerator {
  let generator = generators.get(device);
  if (!generator) generators.set(device, (generator = new DropoutGenerator(device)));
  return generator;
}

/** Parameters of kernels that draw a mask, for calls without dropout. */
export const NO_DROPOUT = { call: 0, threshold: 0, scale: 1 } as const;

/** @throws ArgumentError if `p` is not in [0, 1]. */
export function checkProbability(operation: string, p: number): void {
  if (!(p >= 0 && p <= 1))
    throw new ArgumentError(`${operation}: expected a rate from 0 to 1, got ${p}`);
}

/** A new mask as kernels draw it; call `params` at each launch. */
export const drawDropout = (device: Device, p: number) => drawOnce(() => drawMask(device, p));

function drawMask(device: Device, p: number) {
  const generator = dropoutGenerator(device);
  let call = 0;
  device.onReplay(() => {
    call = generator.nextCall();
  });
  return {
    state: generator.state,
    params: () => ({
      call: generator.offsetOf(call),
      threshold: Math.min(0xffffffff, Math.floor(p * 2 ** 32)),
      scale: p === 1 ? 0 : 1 / (1 - p),
    }),
  };
}

/**
 * Zeroes each element with probability `p` and scales the others by 1 / (1 - p); the identity
 * unless `training`. The mask depends only on the seed and the number of calls, and is the same on
 * every device.
 * @example
 * dropout(ones(4), 0.5); // about half the elements 0, the others 2
 */
export const dropout = operation('dropout', 1, (x: Tensor, p: number, training = true): Tensor => {
  checkProbability('dropout', p);
  if (!training || p === 0) return x;
  const mask = drawDropout(x.device, p);
  const applyMask = (values: Tensor): Tensor => {
    const y = empty(x.shape, 'float32', x.device);
    launch(
      kernel,
      { state: mask.state, x: contiguous(values.detach()), y },
      { count: x.size, first: 0, ...mask.params() },
    );
    return record('dropout', y, [values], (dy) => [applyMask(dy)]);
  };
  return applyMask(x);
});
