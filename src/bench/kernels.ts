import type { Device } from '../device/device.ts';
import { definedKernels, type Kernel } from '../device/kernel.ts';
import { costOf } from '../device/timing.ts';
import { fillBuffers, steadyDraws, upload } from '../measure/fixtures.ts';
import { type Peaks, secondsOf, shareOfPeak } from '../measure/peaks.ts';
import { UsageError } from '../platform/errors.ts';
import { importOptional } from '../platform/packages.ts';
// Defines the kernels.
import '../nn/index.ts';
import '../nn/optim/index.ts';
import { extraCasesOf } from './sizes.ts';

type Params = Kernel['cases'][number];

/** How long a kernel takes on a device, and how near that is to the device's peaks. */
export interface KernelTiming {
  kernel: string;
  /** The case's parameters. */
  case: Record<string, unknown>;
  device: string;
  /** Of one launch. */
  milliseconds: number;
  gflops: number | null;
  /** Bytes of all buffers per second, each counted once, or twice if it is read and overwritten. */
  gbPerSecond: number;
  /**
   * Share of the peak that bounds this work, and which one that is; above 1 if the data stays in
   * caches.
   */
  share: number;
  bound: 'multiply-add' | 'copy';
  /** The same on the cpu device; null if that would take too long. */
  cpuMilliseconds: number | null;
}

/** Approximate limit on the time per kernel, case and device, in seconds. */
const MAX_TIME = 0.1;
/** Longest run of a reference, in seconds; longer ones are left out. */
const MAX_REFERENCE_SECONDS = 1;
/**
 * Fewest timed launches: the smallest time counts, and other load disturbs some. The slow reference
 * gets fewer.
 */
const [SAMPLES, REFERENCE_SAMPLES] = [8, 2];
const options = { maxTime: MAX_TIME, minTime: 0.005, delay: 0 };

/** The kernels, of `kernels` or all, whose name contains `filter`, ignoring case. */
export const kernelsNamed = (
  filter: string,
  kernels: readonly Kernel[] = definedKernels(),
): Kernel[] => kernels.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()));

/**
 * Times every case of some kernels with benny, beside the reference on `cpu` if it is given.
 * @throws UsageError when benny is not installed.
 */
export async function benchKernels(
  device: Device,
  cpu: Device | undefined,
  peaks: Peaks,
  kernels: readonly Kernel[],
  onCase: (timing: KernelTiming) => void,
): Promise<void> {
  const benny = await importBenny();
  for (const kernel of kernels) {
    // The reference's time on the last case predicts its time on this one.
    let secondsPerWork = 0;
    for (const p of [...kernel.cases, ...extraCasesOf(kernel.name, device.traits.software)]) {
      const { flops, bytes } = costOf(kernel, {}, p);
      const work = Math.max(flops, bytes);
      const [seconds, reference] = await timeCase(
        benny,
        kernel,
        p,
        device,
        secondsPerWork * work < MAX_REFERENCE_SECONDS ? cpu : undefined,
      );
      if (reference !== undefined) secondsPerWork = reference / work;
      onCase(timingOf(kernel, p, device, peaks, seconds, reference));
    }
  }
}

function timingOf(
  kernel: Kernel,
  p: Params,
  device: Device,
  peaks: Peaks,
  seconds: number,
  reference?: number,
): KernelTiming {
  const { flops, bytes } = costOf(kernel, {}, p);
  return {
    kernel: kernel.name,
    case: p,
    device: device.kind,
    milliseconds: seconds * 1e3,
    gflops: kernel.flops ? flops / seconds / 1e9 : null,
    gbPerSecond: bytes / seconds / 1e9,
    ...shareOfPeak({ flops, bytes }, seconds, peaks),
    cpuMilliseconds: reference === undefined ? null : reference * 1e3,
  };
}

/**
 * Times the largest case of each kernel: the smallest of some launches. Needs no other package, so
 * it runs in a page too.
 * @param names kernels, as `npx wigbert kernels` lists them; others are left out
 * @example
 * const device = await useDevice('auto');
 * const peaks = await measurePeaks(device);
 * await timeKernels(device, peaks, ['matmul', 'softmax'], ({ kernel, milliseconds, share }) =>
 *   console.log(kernel, milliseconds, share),
 * );
 */
export async function timeKernels(
  device: Device,
  peaks: Peaks,
  names: readonly string[],
  onCase: (timing: KernelTiming) => void,
): Promise<void> {
  for (const kernel of definedKernels().filter(({ name }) => names.includes(name))) {
    const workOf = (p: Params) => costOf(kernel, {}, p).bytes;
    const p = [...kernel.cases].sort((a, b) => workOf(b) - workOf(a))[0];
    const { run, fastest, free } = prepareCase(device, kernel, p);
    try {
      const end = performance.now() + 1000 * MAX_TIME;
      for (let i = 0; i < SAMPLES || performance.now() < end; i++) await run();
      onCase(timingOf(kernel, p, device, peaks, fastest()));
    } finally {
      free();
    }
  }
}

/** Only benchmarks need it, so it is not installed with wigbert. */
const importBenny = (): Promise<typeof import('benny')> =>
  importOptional<{ default: typeof import('benny') }>('benny').then(
    (module) => module.default,
    () => {
      throw new UsageError(
        'benchmarks need the package `benny`, which is not installed: run "npm install benny"',
      );
    },
  );

/** Smallest time of one launch on each given device, in seconds. */
async function timeCase(
  benny: typeof import('benny'),
  kernel: Kernel,
  p: Params,
  ...devices: (Device | undefined)[]
): Promise<number[]> {
  const runs = devices
    .filter((device) => device !== undefined)
    .map((device) => prepareCase(device, kernel, p));
  const log = console.log;
  // benny announces each suite on standard output, which is for results only.
  console.log = () => {};
  try {
    await benny.suite(
      kernel.name,
      ...runs.map(({ run }, i) =>
        benny.add(String(i), () => run, {
          ...options,
          minSamples: devices[i]?.kind === 'cpu' ? REFERENCE_SAMPLES : SAMPLES,
        }),
      ),
    );
    return runs.map(({ fastest }) => fastest());
  } finally {
    console.log = log;
    for (const { free } of runs) free();
  }
}

/**
 * Buffers for a case, and a function that launches it once and records its time by the device's
 * clock.
 */
function prepareCase(device: Device, kernel: Kernel, p: Params) {
  const { bindings, free } = upload(device, fillBuffers(kernel, p, steadyDraws()));
  let seconds = Number.POSITIVE_INFINITY;
  let failure: unknown;
  const launch = () => device.run(kernel, bindings, p);
  const measure = async () => {
    if (!failure) seconds = Math.min(seconds, (await secondsOf(device, launch)) || seconds);
  };
  // benny first calls a function without awaiting it, and waits for ever if one fails.
  let queue = Promise.resolve();
  return {
    run: () =>
      (queue = queue.then(measure).catch((error) => {
        failure = error;
      })),
    fastest: () => {
      if (failure) throw failure;
      return seconds;
    },
    free,
  };
}
