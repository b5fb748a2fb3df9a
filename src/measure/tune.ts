import type { Binding, Device } from '../device/device.ts';
import type { Constants } from '../device/kernel.ts';
import { type Tunable, tuningKey } from '../device/tuning/tuningTable.ts';
import { StateError } from '../platform/errors.ts';
import { fillBuffers, steadyDraws, upload } from './fixtures.ts';
import { secondsOf } from './peaks.ts';

/** What tuning found for one class of launches. */
export interface TuningResult {
  key: string;
  chosen: Constants;
  /** Seconds of a launch: of the one chosen, and of the best guess. */
  seconds: number;
  guessSeconds: number;
  /** Candidates timed, and how many there were. */
  tried: number;
  candidates: number;
}

/** Launches a candidate is timed over; the first also compiles it. */
const TIMED_LAUNCHES = 4;
/** A candidate at this share of the multiply-add peak is good enough: the others are not tried. */
const GOOD_SHARE_OF_PEAK = 0.7;

/**
 * Times the candidates of each launch on the device, and has the device's table choose the fastest.
 * @param launches such as a step has met (`device.tuning.met`)
 * @param peakFlops the adapter's multiply-add peak, in floating-point operations a second
 * @throws Error where the device has no choice.
 */
export async function tune(
  device: Device,
  launches: Iterable<Tunable>,
  peakFlops: number,
  onResult: (result: TuningResult) => void = () => {},
): Promise<void> {
  const { tuning, traits } = device;
  if (!tuning) throw new StateError(`the ${device.kind} device has no variants to choose from`);
  for (const { kernel, params } of launches) {
    const key = tuningKey(kernel, params);
    const candidates = kernel.candidates!(params, traits);
    const flops = kernel.flops?.(params) ?? 0;
    const { bindings, free } = upload(device, fillBuffers(kernel, params, steadyDraws()));
    const timed: { constants: Constants; seconds: number }[] = [];
    let refusal: unknown;
    for (const constants of candidates) {
      tuning.choose(key, constants);
      try {
        const seconds = await timeLaunch(device, { kernel, params }, bindings);
        timed.push({ constants, seconds });
        if (flops / seconds >= GOOD_SHARE_OF_PEAK * peakFlops) break;
      } catch (error) {
        // A driver may refuse one variant and run the others.
        refusal = error;
      }
    }
    free();
    if (timed.length === 0) throw refusal;
    const best = timed.reduce((a, b) => (b.seconds < a.seconds ? b : a));
    tuning.choose(key, best.constants);
    onResult({
      key,
      chosen: best.constants,
      seconds: best.seconds,
      guessSeconds: timed[0].seconds,
      tried: timed.length,
      candidates: candidates.length,
    });
  }
}

/** Least seconds of a launch. */
async function timeLaunch(
  device: Device,
  { kernel, params }: Tunable,
  buffers: Record<string, Binding>,
): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TIMED_LAUNCHES; i++) {
    const seconds = await secondsOf(device, () => device.run(kernel, buffers, params));
    if (i > 0) fastest = Math.min(fastest, seconds);
  }
  return fastest;
}
