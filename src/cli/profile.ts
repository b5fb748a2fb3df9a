import type { Device } from '../device/device.ts';
import type { Peaks } from '../measure/peaks.ts';
import { type Column, number, percent, table } from './table.ts';

/** The profile of a whole command, from the opening of its device to the end. */
interface Profile {
  device: Device;
  peaks: Peaks;
  started: number;
}

let isEnabled = false;
let profile: Profile | undefined;
let runFolder: string | undefined;

/** Has the profile shown in the report of a run too, once it is complete. */
export function profileRun(folder: string): void {
  runFolder = folder;
}

/** Requests a profile of the device that the command opens. */
export function enableProfile(): void {
  isEnabled = true;
}

/**
 * Starts the profile if one was requested.
 * @throws StateError if the adapter has no timestamps.
 */
export async function startProfile(device: Device): Promise<void> {
  if (!isEnabled) return;
  const { measurePeaks } = await import('../measure/peaks.ts');
  // Measuring takes a profile of its own, so it comes first.
  const peaks = await measurePeaks(device);
  device.startProfile();
  profile = { device, peaks, started: performance.now() };
}

/** Ends the profile and prints it: a table on standard error, or JSON on standard output. */
export async function endProfile(json: boolean): Promise<void> {
  if (!isEnabled) return;
  if (!profile) {
    console.error('no profile: no device was opened');
    return;
  }
  const { device, peaks, started } = profile;
  profile = undefined;
  const { shareOfPeak } = await import('../measure/peaks.ts');
  const times = await device.stopProfile();
  const wall = (performance.now() - started) / 1000;
  const sum = times.reduce((total, { seconds }) => total + seconds, 0);
  const kernels = times.map((time) => ({
    ...time,
    share: time.seconds / sum,
    ofPeak: time.seconds > 0 ? shareOfPeak(time, time.seconds, peaks) : null,
  }));
  const { isMainProcess } = await import('../train/distributed/processGroup.ts');
  if (runFolder !== undefined && isMainProcess()) {
    const { writeReport } = await import('../train/recipes/report/writeReport.ts');
    await writeReport({ out: runFolder, profile: { kernels, seconds: sum, wallSeconds: wall } });
  }
  if (json) {
    console.log(
      JSON.stringify({ event: 'profile', kernels, seconds: sum, wallSeconds: wall, peaks }),
    );
    return;
  }
  const text = table(
    columns,
    kernels.map(({ kernel, variant, launches, seconds, share, flops, bytes, ofPeak }) => [
      kernel,
      variant,
      String(launches),
      (seconds * 1e3).toFixed(2),
      (share * 100).toFixed(1),
      number(flops > 0 ? flops / seconds / 1e9 : undefined),
      number(bytes / seconds / 1e9),
      ofPeak ? `${(ofPeak.share * 100).toFixed(0)} ${ofPeak.bound}` : '–',
    ]),
  );
  console.error(`\n${text}`);
  const launches = times.reduce((total, time) => total + time.launches, 0);
  console.error(
    `${launches} launches took ${sum.toFixed(3)} s of the ${wall.toFixed(3)} s since the device ` +
      `was opened (${percent(sum / wall)}); the rest is JavaScript and waiting`,
  );
}

const columns: Column[] = [
  'kernel',
  'variant',
  { title: 'launches', right: true },
  { title: 'ms', right: true },
  { title: 'share %', right: true },
  { title: 'GFLOP/s', right: true },
  { title: 'GB/s', right: true },
  '% of peak',
];
