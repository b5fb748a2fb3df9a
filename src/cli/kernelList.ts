import type { Device } from '../device/device.ts';
import { type Constants, definedKernels, type Kernel, kernelText } from '../device/kernel.ts';
import type { DeviceKind } from '../device/open.ts';
import type { Traits } from '../device/traits.ts';
import { UsageError } from '../platform/errors.ts';
import { importKernelModule } from './kernelModule.ts';
import { openCliDevice } from './openDevice.ts';
import { table } from './table.ts';

/** A common GPU in a browser: subgroups of no fixed size, WebGPU's default limits. */
const defaultTraits: Traits = {
  subgroupSize: 0,
  software: false,
  maxWorkgroupSize: 256,
  maxWorkgroupStorage: 16384,
  maxBinding: 2 ** 27,
  maxStorageBuffers: 8,
  maxGroupsPerDimension: 65535,
  bindingAlignment: 256,
};

interface Variant {
  constants: Constants;
  /** Numbers of the cases that take it, from 0. */
  cases: number[];
  wgsl: string;
}

/** Importing operations, optimizers and peaks defines their kernels. */
export const importKernels = () =>
  Promise.all([
    import('../nn/index.ts'),
    import('../nn/optim/index.ts'),
    import('../measure/peaks.ts'),
  ]);

interface ListOptions {
  /** A module whose kernels are listed instead of the package's. */
  module?: string;
  device: DeviceKind | 'auto';
  json?: boolean;
}

/** Lists all kernels, or prints the WGSL of those that `name` names. */
export async function printKernels(name: string | undefined, options: ListOptions): Promise<void> {
  await importKernels();
  const { json = false, module } = options;
  const kernels = kernelsNamed(name, module ? await importKernelModule(module) : definedKernels());
  const device = await openCliDevice(options.device, json);
  const traits = device.kind === 'webgpu' ? device.traits : defaultTraits;
  const about = kernels.map((kernel) => ({ kernel, variants: variantsOf(kernel, traits) }));
  if (json) {
    for (const { kernel, variants } of about) printJson(kernel, variants, device);
  } else if (name === undefined) printList(about);
  else printTexts(about, device);
}

function kernelsNamed(name = '', kernels: readonly Kernel[]): Kernel[] {
  const all = kernels.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const exact = all.filter((kernel) => kernel.name === name);
  if (exact.length > 0) return exact;
  const part = all.filter((kernel) => kernel.name.toLowerCase().includes(name.toLowerCase()));
  if (part.length === 0)
    throw new UsageError(
      `expected a kernel or a part of its name, got "${name}"; without a name all are listed`,
    );
  return part;
}

/** The variants that a kernel's cases take on an adapter, each text once. */
function variantsOf(kernel: Kernel, traits: Traits): Variant[] {
  const variants = new Map<string, Variant>();
  kernel.cases.forEach((params, i) => {
    const candidates = kernel.candidates?.(params, traits) ?? [
      kernel.specialize?.(params, traits) ?? { width: 1 },
    ];
    for (const constants of candidates) {
      const wgsl = kernelText(kernel, constants, traits);
      const known = variants.get(wgsl) ?? { constants, cases: [], wgsl };
      known.cases.push(i);
      variants.set(wgsl, known);
    }
  });
  return [...variants.values()];
}

const buffersOf = ({ buffers }: Kernel): string =>
  Object.entries(buffers)
    .map(([name, { access }]) => (access === 'read' ? name : `${name} (${access})`))
    .join(', ');

function printList(about: { kernel: Kernel; variants: Variant[] }[]): void {
  const rows = about.map(({ kernel, variants }) => [
    kernel.name,
    buffersOf(kernel),
    String(kernel.cases.length),
    String(variants.length),
  ]);
  const right = (title: string) => ({ title, right: true }) as const;
  console.log(table(['kernel', 'buffers', right('cases'), right('variants')], rows));
  console.log(`\n${rows.length} kernels; wigbert kernels NAME prints the WGSL of each variant`);
}

function printTexts(about: { kernel: Kernel; variants: Variant[] }[], device: Device): void {
  const where =
    device.kind === 'webgpu'
      ? device.description
      : 'a GPU with default limits, since no adapter was opened';
  for (const { kernel, variants } of about) {
    for (const { constants, cases, wgsl } of variants) {
      console.log(`// ${kernel.name} ${JSON.stringify(constants)}, for ${where}`);
      for (const i of cases) console.log(`// case ${i}: ${JSON.stringify(kernel.cases[i])}`);
      console.log(`${wgsl.trim()}\n`);
    }
  }
}

function printJson({ name, params, buffers, cases }: Kernel, variants: Variant[], device: Device) {
  const types = Object.entries(buffers).map(([key, { type, access }]) => [key, { type, access }]);
  console.log(
    JSON.stringify({
      ...{ kernel: name, params, buffers: Object.fromEntries(types) },
      ...{ cases, variants, device: device.kind, adapter: device.description },
    }),
  );
}
