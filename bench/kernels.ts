import benny from 'benny';
import type { Binding, Device } from '../src/gpu/device.ts';
import type { Kernel } from '../src/gpu/kernel.ts';
import { allKernels } from '../src/kernels/index.ts';

export interface KernelTiming {
  kernel: string;
  /** The case's parameters. */
  case: Record<string, unknown>;
  device: string;
  milliseconds: number;
  gflops: number | null;
  /** Bytes of all buffers, each counted once, a second. */
  gbPerSecond: number;
}

/** Longest time spent on one kernel, case and device, in seconds. */
const MAX_TIME = 0.25;
/** Launches between two waits: the wait's own cost is divided by it. */
const LAUNCHES = 4;

/**
 * Times every case of the kernels whose name contains `filter`, on each device, back to back, with benny.
 * `onCase` gets the timings of one case, in the order of the devices.
 */
export async function benchKernels(
  devices: readonly Device[],
  filter: string,
  onCase: (timings: KernelTiming[]) => void,
): Promise<number> {
  let cases = 0;
  for (const kernel of allKernels.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()))) {
    for (const p of kernel.cases) {
      const summary = await benny.suite(
        kernel.name,
        ...devices.map((device) => benny.add(device.kind, prepare(device, kernel, p), { maxTime: MAX_TIME, minSamples: 3 })),
      );
      const bytes = Object.values(kernel.buffers).reduce((sum, { size }) => sum + size(p) * 4, 0);
      const flops = kernel.flops?.(p);
      onCase(
        devices.map((device, i) => {
          const result = summary.results[i];
          const launches = device.kind === 'webgpu' ? LAUNCHES : 1;
          const seconds = 1 / (result.ops * launches);
          // Slow cases round to 0 operations a second; their own clock is exact.
          const time = result.ops > 0 ? result.details.mean / launches : seconds;
          return {
            kernel: kernel.name,
            case: p,
            device: device.kind,
            milliseconds: time * 1e3,
            gflops: flops === undefined ? null : flops / time / 1e9,
            gbPerSecond: bytes / time / 1e9,
          };
        }),
      );
      cases++;
    }
  }
  return cases;
}

/** Buffers for a case, and a function that launches it and waits. */
function prepare(device: Device, kernel: Kernel, p: Kernel['cases'][number]) {
  return async () => {
    const bindings: Record<string, Binding> = {};
    for (const [name, { size }] of Object.entries(kernel.buffers)) {
      const bytes = Math.ceil(size(p) / 4) * 16;
      const buffer = device.alloc(bytes);
      bindings[name] = { buffer, offset: 0, size: bytes };
      device.write(bindings[name], new Float32Array(bytes / 4));
    }
    const launches = device.kind === 'webgpu' ? LAUNCHES : 1;
    return async () => {
      for (let i = 0; i < launches; i++) device.run(kernel, bindings, p);
      await device.synchronize();
    };
  };
}
