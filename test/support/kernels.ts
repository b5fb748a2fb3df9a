import type { Binding, Device } from '../../src/device/device.ts';
import type { BufferSpec, ElementType, HostArray, Kernel } from '../../src/device/kernel.ts';
import type { Philox } from '../../src/tensor/random.ts';

const arrayOf = (type: ElementType) =>
  type === 'u32' ? Uint32Array : type === 'i32' || type === 'I' ? Int32Array : Float32Array;

/** Random contents for a kernel's buffer, as its declaration asks. */
export function randomBuffer(spec: BufferSpec<unknown>, p: unknown, random: Philox): HostArray {
  const { fill = 'normal' } = spec;
  const draw =
    typeof fill === 'object'
      ? () => random.randint(fill.below(p))
      : fill === 'normal'
        ? () => random.normal()
        : fill === 'positive'
          ? () => 0.1 + random.uniform()
          : () => random.randint(2);
  // Room for the last whole vec4.
  const array = new (arrayOf(spec.type))(Math.ceil(spec.size(p) / 4) * 4);
  // A prime period: cheap, and out of step with every row.
  const values = Float64Array.from({ length: Math.min(1021, array.length) }, draw);
  for (let i = 0; i < array.length; i++) array[i] = values[i % values.length];
  return array;
}

/** Runs a kernel once on a device and returns what its outputs hold. */
export async function runKernel(
  device: Device,
  kernel: Kernel,
  data: Record<string, HostArray>,
  p: never,
) {
  const bindings: Record<string, Binding> = {};
  for (const [name, array] of Object.entries(data)) {
    const buffer = device.alloc(array.byteLength);
    bindings[name] = { buffer, offset: 0, size: array.byteLength };
    device.write(bindings[name], array);
  }
  device.run(kernel, bindings, p);
  const outputs: Record<string, HostArray> = {};
  for (const [name, spec] of Object.entries(kernel.buffers)) {
    if (spec.access === 'read') continue;
    outputs[name] = new (arrayOf(spec.type))(await device.read(bindings[name])).subarray(
      0,
      spec.size(p),
    );
  }
  for (const { buffer } of Object.values(bindings)) device.free(buffer);
  return outputs;
}
