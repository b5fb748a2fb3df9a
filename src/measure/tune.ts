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
  /** Seconds per launch of the chosen variant and of the best guess. */
  seconds: number;
  guessSeconds: number;
  /** Candidates timed, and their total. */
  tried: number;
  candidates: number;
}

/** Timed launches per candidate; the first also compiles it. Rule of thumb. */
const TIMED_LAUNCHES = 4;
/**
 * If a candidate reaches this share of the multiply-add peak, the others are not tried. Rule of
 * thumb.
 */
const GOOD_SHARE_OF_PEAK = 0.7;

/**
 * Times the candidates of each launch on the device and stores the fastest in the device's table.
 * @param launches of a step (`device.tuning.seen`)
 * @param peakFlops the adapter's multiply-add peak, in floating-point operations a second
 * @throws StateError if the device has no variants.
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

/** Smallest time of a launch, in seconds. */
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
