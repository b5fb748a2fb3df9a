import type { Binding, Device } from '../device/device.ts';
import type { ElementType, HostArray, Kernel } from '../device/kernel.ts';

type Params = Kernel['cases'][number];

const arrayOf = (type: ElementType) =>
  type === 'u32' ? Uint32Array : type === 'i32' || type === 'I' ? Int32Array : Float32Array;

/** Random numbers as `Philox` draws them. */
export interface Draws {
  normal(): number;
  uniform(): number;
  randint(bound: number): number;
}

/** Numbers for timing, where values do not matter except that zeros are faster on some adapters. */
export function steadyDraws(): Draws {
  let count = 0;
  const share = () => ((count++ % 17) + 1) / 17;
  return { normal: share, uniform: share, randint: (bound) => count++ % bound };
}

/** Contents for a kernel's buffers, as its declaration asks. */
export function fillBuffers(kernel: Kernel, p: Params, random: Draws): Record<string, HostArray> {
  const contents: Record<string, HostArray> = {};
  for (const [name, { type, size, fill = 'normal' }] of Object.entries(kernel.buffers)) {
    const draw =
      typeof fill === 'object'
        ? () => random.randint(fill.below(p))
        : fill === 'normal'
          ? () => random.normal()
          : fill === 'positive'
            ? () => 0.1 + random.uniform()
            : () => random.randint(2);
    // Room for the last whole vec4.
    const array = new (arrayOf(type))(Math.max(4, Math.ceil(size(p) / 4) * 4));
    // A prime period: cheap, and out of step with every row.
    const values = Float64Array.from({ length: Math.min(1021, array.length) }, draw);
    for (let i = 0; i < array.length; i++) array[i] = values[i % values.length];
    contents[name] = array;
  }
  return contents;
}

/** Contents moved to a device, and a way to free them. */
export function upload(device: Device, contents: Record<string, HostArray>) {
  const bindings: Record<string, Binding> = {};
  for (const [name, array] of Object.entries(contents)) {
    const buffer = device.alloc(array.byteLength);
    bindings[name] = { buffer, offset: 0, size: array.byteLength };
    device.write(bindings[name], array);
  }
  const free = () => {
    for (const { buffer } of Object.values(bindings)) device.free(buffer);
  };
  return { bindings, free };
}

/** Runs a kernel once on a device and returns what its outputs hold. */
export async function runKernel(
  device: Device,
  kernel: Kernel,
  contents: Record<string, HostArray>,
  p: Params,
): Promise<Record<string, HostArray>> {
  const { bindings, free } = upload(device, contents);
  device.run(kernel, bindings, p);
  const outputs: Record<string, HostArray> = {};
  for (const [name, { access, type, size }] of Object.entries(kernel.buffers)) {
    if (access === 'read') continue;
    const values = new (arrayOf(type))(await device.read(bindings[name]));
    outputs[name] = values.subarray(0, size(p));
  }
  free();
  return outputs;
}
