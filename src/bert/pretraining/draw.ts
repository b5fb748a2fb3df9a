import { ArgumentError } from '../../platform/errors.ts';
import { Philox } from '../../tensor/random.ts';

/** What keys the random choices for one example: the same three give the same choices, in any order of examples. */
export interface ExampleKey {
  /** Any safe integer. */
  seed: number;
  /** 0 to 65,535; choices are drawn anew in each. */
  epoch: number;
  /** The example's number, 0 to 2^32 - 1, whatever place it is shuffled to. */
  example: number;
}

/** Kept apart, so that what is masked says nothing of what was paired. Shuffling uses the streams below. */
export const MASKING_STREAM = 1;
export const PAIRING_STREAM = 2;

/** @throws ArgumentError on an epoch or example out of range, or a seed that is no safe integer. */
export function exampleRandom(stream: number, { seed, epoch, example }: ExampleKey): Philox {
  checkBelow(epoch, 2 ** 16, 'epoch');
  checkBelow(example, 2 ** 32, 'example');
  return new Philox(seed, (stream * 2 ** 16 + epoch) * 2 ** 32 + example);
}

function checkBelow(value: number, bound: number, name: string): void {
  if (!Number.isInteger(value) || value < 0 || value >= bound)
    throw new ArgumentError(`${name} must be a whole number from 0 to ${bound - 1}, not ${value}`);
}
