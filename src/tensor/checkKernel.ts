import { CpuDevice } from '../device/cpu.ts';
import type { Device } from '../device/device.ts';
import { KernelError } from '../device/errors.ts';
import type { HostArray, Kernel, ParamTypes, ParamValues } from '../device/kernel.ts';
import { fillBuffers, runKernel } from '../measure/fixtures.ts';
import { ArgumentError } from '../platform/errors.ts';
import { Philox } from './random.ts';

// biome-ignore lint/suspicious/noExplicitAny: of any parameters and buffers
type AnyKernel = Kernel<any, any, any>;

const cpu = new CpuDevice();

/** Default of `Kernel.tolerance`. */
const TOLERANCE = 1e-5;

/**
 * Runs a kernel on a device in each of its cases, with random data, and compares its buffers with
 * those that its reference writes. To check what most GPUs in browsers run, open the device with
 * `traits: { subgroupSize: 0, software: false }`.
 * @param cases some of the kernel's cases, or other parameters; default: its cases
 * @throws KernelError naming the case and the buffer with the largest error; ArgumentError for a
 *   kernel without cases.
 * @example
 * await checkKernel(swish, await openDevice('webgpu'));
 */
export async function checkKernel<K extends AnyKernel>(
  kernel: K,
  device: Device,
  cases: K['cases'] = kernel.cases,
): Promise<void> {
  if (cases.length === 0)
    throw new ArgumentError(`checkKernel: ${kernel.name}: expected \`cases\`, got none`);
  for (const params of cases as readonly Params[])
    await checkCase(kernel, device, await referenceCase(kernel, params));
}

type Params = ParamValues<ParamTypes>;
type Buffers = Record<string, HostArray>;

/** What a kernel is given in a case, and what its reference makes of it. */
interface ReferenceCase {
  params: Params;
  data: Buffers;
  expected: Buffers;
}

/** Draws the data of a case, and runs the reference. */
export async function referenceCase(kernel: AnyKernel, params: Params): Promise<ReferenceCase> {
  const random = new Philox(
    kernel.cases.indexOf(params),
    [...kernel.name].reduce((sum, c) => sum + c.charCodeAt(0), 0),
  );
  const data = fillBuffers(kernel, params, random);
  return { params, data, expected: await runKernel(cpu, kernel, data, params) };
}

/** Checks a case on a device, as `checkKernel` does. */
export async function checkCase(
  kernel: AnyKernel,
  device: Device,
  { params, data, expected }: ReferenceCase,
): Promise<void> {
  const actual = await runKernel(device, kernel, data, params);
  for (const [buffer, values] of Object.entries(expected)) {
    const problem = compare(kernel, buffer, values, actual[buffer]);
    if (problem)
      throw new KernelError(
        kernel.name,
        `case ${JSON.stringify(params)}: \`${buffer}\`: ${problem}`,
      );
  }
}

/** What is wrong with a buffer, if anything. */
function compare(
  { buffers, tolerance = TOLERANCE }: Kernel,
  buffer: string,
  expected: HostArray,
  actual: HostArray,
): string | undefined {
  let scale = 1e-6;
  for (let i = 0; i < expected.length; i++) {
    const size = Math.abs(expected[i]);
    if (size > scale && size < Number.POSITIVE_INFINITY) scale = size;
  }
  const most = buffers[buffer].type === 'u32' ? 0 : tolerance * scale;
  let worst = 0;
  let error = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [expected[i], actual[i]];
    // Equal infinities are the same, and so are two NaN.
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const difference = Math.abs(a - b);
    if (difference <= error) continue;
    worst = i;
    error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  if (error <= most) return undefined;
  return `element ${worst}: expected ${expected[worst]}, got ${actual[worst]}`;
}
