import type { Device } from '../device/device.ts';
import { ArgumentError } from '../platform/errors.ts';
import { defaultDevice } from './create.ts';
import { globalGenerator, restoreGenerator } from './globalRng.ts';
import { CALLS_PER_PART, dropoutGenerator } from './ops/dropout.ts';
import type { PhiloxState } from './random.ts';

/** State of all random draws on one device. Plain JSON. */
export interface RngState extends PhiloxState {
  /** Dropout masks drawn on the device since seeding. */
  dropoutCalls: number;
}

/**
 * The state of the random numbers: of `randn` and `rand`, which all devices share, and of dropout
 * on `device` (PyTorch's `get_rng_state`). A step that is queued counts, whether it has run or not.
 * @example
 * const state = getRngState();
 * const a = randn(2);
 * setRngState(state);
 * randn(2); // as a
 */
export function getRngState(device: Device = defaultDevice()): RngState {
  return { ...globalGenerator().state, dropoutCalls: dropoutGenerator(device).position };
}

/**
 * Resets the random numbers to `state` (PyTorch's `set_rng_state`): the next draws, in captured
 * steps too, repeat bit for bit those that followed `getRngState`. If the seed changes, dropout on
 * other devices starts over, as after `manualSeed`. Call it between steps: a mask of another seed
 * is lost, and a backward that still needs it says so.
 * @throws ArgumentError if `state` is not one that `getRngState` returns.
 * @example
 * const state = getRngState();
 * const a = randn(2);
 * setRngState(state);
 * randn(2); // as a
 */
export function setRngState(state: RngState, device: Device = defaultDevice()): void {
  checkCount('position', state.position);
  checkCount('dropoutCalls', state.dropoutCalls);
  if (state.spare !== null && !Number.isFinite(state.spare))
    throw new ArgumentError(
      `setRngState: \`spare\`: expected a finite number or null, got ${state.spare}`,
    );
  restoreGenerator(state);
  dropoutGenerator(device).seek(state.dropoutCalls);
}

/**
 * In a step of several parts: the dropout that follows is that of part `part`, from 0. A part draws
 * the same whoever computes it, and whichever parts come before.
 */
export function enterDropoutPart(device: Device, part: number): void {
  device.onReplay(() => dropoutGenerator(device).enterPart(part));
}

/** The state after a step of so many parts that began with `state`. */
export const rngStateAfterParts = (state: RngState, parts: number): RngState => ({
  ...state,
  dropoutCalls: state.dropoutCalls + parts * CALLS_PER_PART,
});

function checkCount(field: keyof RngState, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new ArgumentError(`setRngState: \`${field}\`: expected an integer ≥ 0, got ${value}`);
}
