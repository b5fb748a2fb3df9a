import type { Binding, Device } from '../device/device.ts';
import { copy } from '../kernels/elementwise/arithmetic.ts';
import { multiplyAdd } from '../kernels/elementwise/multiplyAdd.ts';
import { mapParams } from '../kernels/kit/map.ts';

/** A device's measured peaks: the scale for times. */
export interface Peaks {
  /** Floating-point operations a second; a multiply-add counts as two. */
  flops: number;
  /** Bytes read and written a second by a copy larger than most caches. */
  bytesPerSecond: number;
}

/**
 * Seconds that one measured launch should take: long compared with its start, short enough to
 * escape other load. Rule of thumb.
 */
const MIN_LAUNCH_SECONDS = 0.0025;
/** Seconds spent on finding the fastest launch. Rule of thumb. */
const SEARCH_SECONDS = 0.12;
const MEBIBYTE = 2 ** 20;

const measured = new WeakMap<Device, Promise<Peaks>>();

/**
 * Measures a device once; later calls return the same result. Takes a few tenths of a second. Do
 * not make the first call while the device is profiled.
 * @example
 * const { flops, bytesPerSecond } = await measurePeaks(defaultDevice());
 */
export function measurePeaks(device: Device): Promise<Peaks> {
  let peaks = measured.get(device);
  if (!peaks) measured.set(device, (peaks = measure(device)));
  return peaks;
}

async function measure(device: Device): Promise<Peaks> {
  return { flops: await measureMultiplyAdd(device), bytesPerSecond: await measureCopy(device) };
}

async function measureMultiplyAdd(device: Device): Promise<number> {
  const p = {
    lanes: device.traits.software ? 2048 : 2 ** 20,
    rounds: 4,
    factor: 0.999,
    term: 0.001,
  };
  const y = allocateBinding(device, 16 * p.lanes);
  const time = () => secondsOf(device, () => device.run(multiplyAdd, { y }, p));
  // The first launch waits for clocks to rise and code to compile.
  let seconds = await time();
  while ((seconds = await time()) < MIN_LAUNCH_SECONDS)
    p.rounds = Math.ceil(p.rounds * Math.min(50, (1.3 * MIN_LAUNCH_SECONDS) / seconds));
  seconds = await fastest(time);
  device.free(y.buffer);
  return multiplyAdd.flops!(p) / seconds;
}

async function measureCopy(device: Device): Promise<number> {
  const { software, maxBinding } = device.traits;
  const bytes =
    device.kind === 'cpu' ? MEBIBYTE : Math.min(maxBinding, (software ? 32 : 128) * MEBIBYTE);
  const [a, b] = [allocateBinding(device, bytes), allocateBinding(device, bytes)];
  const run = (from: Binding, to: Binding) =>
    device.run(copy, { in_x: from, out: to }, flatParams(bytes / 4));
  // Memory may not be mapped before the first write.
  run(a, b);
  run(b, a);
  const seconds = await fastest(() => secondsOf(device, () => run(a, b)));
  for (const { buffer } of [a, b]) device.free(buffer);
  return (2 * bytes) / seconds;
}

/** Parameters of an element-wise kernel with one operand `x`, `count` elements without gaps. */
export const flatParams = (count: number) => mapParams([count], { x: { strides: [1], offset: 0 } });

/**
 * Seconds of a launch by the device's own clock, or by the wall clock, waiting included, if it has
 * no clock. Ends a running profile.
 */
export async function secondsOf(device: Device, launch: () => void): Promise<number> {
  await device.synchronize();
  try {
    device.startProfile();
  } catch {
    const started = performance.now();
    launch();
    await device.synchronize();
    return (performance.now() - started) / 1000;
  }
  launch();
  const [time] = await device.stopProfile();
  return time.seconds;
}

/** The smallest time within SEARCH_SECONDS. */
async function fastest(time: () => Promise<number>): Promise<number> {
  const end = performance.now() + 1000 * SEARCH_SECONDS;
  let seconds = Number.POSITIVE_INFINITY;
  do {
    const one = await time();
    // Browsers round times, the shortest to 0.
    if (one > 0) seconds = Math.min(seconds, one);
  } while (performance.now() < end);
  return seconds;
}

function allocateBinding(device: Device, bytes: number): Binding {
  return { buffer: device.alloc(bytes), offset: 0, size: bytes };
}

/**
 * Share of the peak that bounds the work, and which one that is: the one that takes longer alone.
 */
export function shareOfPeak(work: { flops: number; bytes: number }, seconds: number, peaks: Peaks) {
  const [compute, transfer] = [work.flops / peaks.flops, work.bytes / peaks.bytesPerSecond];
  const bound = compute > transfer ? ('multiply-add' as const) : ('copy' as const);
  return { share: Math.max(compute, transfer) / seconds, bound };
}
