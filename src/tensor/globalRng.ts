import { Philox, type PhiloxState } from './random.ts';

let generator = new Philox(0);

/**
 * The seed, and how many times it has been set: other random generators start over when the count
 * changes.
 */
export const globalSeed = { seed: 0, count: 0 };

/** The generator behind `randn` and `rand`. */
export const globalGenerator = (): Philox => generator;

/**
 * Seeds `randn`, `rand` and dropout: the same seed gives the same numbers on every device.
 * @example
 * manualSeed(0);
 * randn(2); // the same two numbers each time
 */
export function manualSeed(seed: number): void {
  generator = new Philox(seed);
  globalSeed.seed = seed;
  globalSeed.count++;
}

/** Resets the generator to `state`. */
export function restoreGenerator(state: PhiloxState): void {
  const restored = Philox.restore(state);
  // If the seed is unchanged, dropout continues: states of several devices can be set one by one.
  if (state.seed !== globalSeed.seed) manualSeed(state.seed);
  generator = restored;
}
