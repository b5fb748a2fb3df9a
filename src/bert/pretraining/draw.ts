import { ArgumentError } from '../../platform/errors.ts';
import { Philox } from '../../tensor/random.ts';

/** Key of the random choices for one example: equal keys give equal choices, in any order. */
export interface ExampleKey {
  /** Any safe integer. */
  seed: number;
  /** 0 to 65,535; each epoch draws new choices. */
  epoch: number;
  /** Number of the example before shuffling, 0 to 2^32 - 1. */
  example: number;
}

/** Separate streams make masking and pairing independent. Shuffling uses the streams below. */
export const MASKING_STREAM = 1;
export const PAIRING_STREAM = 2;

/** @throws ArgumentError for an epoch, example or seed out of range. */
export function exampleRandom(stream: number, { seed, epoch, example }: ExampleKey): Philox {
  checkBelow(epoch, 2 ** 16, 'epoch');
  checkBelow(example, 2 ** 32, 'example');
  return new Philox(seed, (stream * 2 ** 16 + epoch) * 2 ** 32 + example);
}

function checkBelow(value: number, bound: number, name: string): void {
  if (!Number.isInteger(value) || value < 0 || value >= bound)
    throw new ArgumentError(`${name}: expected an integer from 0 to ${bound - 1}, got ${value}`);
}
