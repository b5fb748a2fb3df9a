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
/** Launches between two waits on WebGPU: the wait's own cost is divided by it. */
const LAUNCHES = 4;

/**
 * Times every case of the kernels whose name contains `filter`, on each device, back to back, with benny.
 * `onCase` gets the timings of one case, in the order of the devices.
 * @returns how many cases there were
 */
export async function benchKernels(
  devices: readonly Device[],
  filter: string,
  onCase: (timings: KernelTiming[]) => void,
): Promise<number> {
  let cases = 0;
  for (const kernel of allKernels.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()))) {
    for (const p of kernel.cases) {
      const seconds = await timeCase(devices, kernel, p);
      const bytes = Object.values(kernel.buffers).reduce((sum, { size }) => sum + size(p) * 4, 0);
      const flops = kernel.flops?.(p);
      const timings = devices.map((device, i) => ({
        kernel: kernel.name,
        case: p,
        device: device.kind,
        milliseconds: seconds[i] * 1e3,
        gflops: flops === undefined ? null : flops / seconds[i] / 1e9,
        gbPerSecond: bytes / seconds[i] / 1e9,
      }));
      onCase(timings);
      cases++;
    }
  }
  return cases;
}

/** Seconds of one launch on each device. */
async function timeCase(devices: readonly Device[], kernel: Kernel, p: Kernel['cases'][number]): Promise<number[]> {
  const options = { maxTime: MAX_TIME, minSamples: 3 };
  const runs = devices.map((device) => prepare(device, kernel, p));
  const log = console.log;
  // benny greets each suite on standard output, where only results belong.
  console.log = () => {};
  try {
    const summary = await benny.suite(kernel.name, ...runs.map(({ run }, i) => benny.add(devices[i].kind, run, options)));
    return summary.results.map(({ details }, i) => details.mean / runs[i].launches);
  } finally {
    console.log = log;
    for (const { free } of runs) free();
  }
}

/** Buffers for a case, and a function that launches it and waits. */
function prepare(device: Device, kernel: Kernel, p: Kernel['cases'][number]) {
  const launches = device.kind === 'webgpu' ? LAUNCHES : 1;
  const bindings: Record<string, Binding> = {};
  for (const [name, { size }] of Object.entries(kernel.buffers)) {
    const bytes = Math.ceil(size(p) / 4) * 16;
    bindings[name] = { buffer: device.alloc(bytes), offset: 0, size: bytes };
    device.write(bindings[name], new Float32Array(bytes / 4));
  }
  return {
    launches,
    run: async () => {
      for (let i = 0; i < launches; i++) device.run(kernel, bindings, p);
      await device.synchronize();
    },
    free: () => {
      for (const { buffer } of Object.values(bindings)) device.free(buffer);
    },
  };
}
