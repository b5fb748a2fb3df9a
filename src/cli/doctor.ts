import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, freemem, release, totalmem } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { Device } from '../device/device.ts';
import type { DeviceKind } from '../device/open.ts';
import { isSoftware } from '../device/webgpu/adapter.ts';
import { findWebGPU } from '../platform/webgpu.ts';
import { type Check, checkDevice } from './doctorChecks.ts';
import { openCliDevice } from './openDevice.ts';
import { packageVersion, shippedFile } from './shippedFile.ts';
import { mebibytes } from './table.ts';

/** What a machine has, and what was tried on it. */
export interface Diagnosis {
  wigbert: string;
  runtime: string;
  system: string;
  processor: string;
  /** In bytes. */
  memory: { total: number; free: number };
  /** Installed versions of the packages that may be missing; null if missing. */
  packages: Record<string, string | null>;
  adapter: AdapterFacts | null;
  /** The device that was tried; null if it could not be opened. */
  device: { kind: DeviceKind; description: string } | null;
  checks: Check[];
  /** What may be in the way, and what to do. */
  notes: string[];
}

interface AdapterFacts {
  description: string;
  vendor: string;
  architecture: string;
  software: boolean;
  features: string[];
  limits: Record<string, number>;
}

const optionalPackages = {
  webgpu: 'WebGPU in Node',
  '@huggingface/hub': 'downloads of models',
  benny: 'wigbert bench',
  koffi: 'wigbert launch',
};

const shownLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxStorageBuffersPerShaderStage',
] as const;

const wantsWebGPU = (kind: DeviceKind | 'auto') => kind === 'webgpu' || kind === 'auto';

/** Looks at the machine and tries a device: the one of a command with this `--device`. */
export async function diagnose(asked: DeviceKind | 'auto'): Promise<Diagnosis> {
  const packages = Object.fromEntries(
    Object.keys(optionalPackages).map((name) => [name, versionOf(name)]),
  );
  const { namedDevice } = await import('../measure/bestDevice.ts');
  const wanted = asked === 'auto' ? ((namedDevice() as DeviceKind | undefined) ?? asked) : asked;
  // A broken driver can end the process: a child looks first.
  const works = wantsWebGPU(wanted) && (hasOwnWebGPU() || (await hasAdapter(packages.webgpu)));
  const opened = await openOrFail(wanted === 'auto' && !works ? 'wasm' : asked);
  const device = opened instanceof Error ? null : opened;
  const adapter = works ? await adapterFacts() : null;
  return {
    wigbert: packageVersion(),
    runtime: runtimeName(),
    system: `${process.platform}-${process.arch} ${release()}`,
    processor: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
    memory: { total: totalmem(), free: freemem() },
    packages,
    adapter,
    device: device && { kind: device.kind, description: device.description },
    checks:
      opened instanceof Error
        ? [{ name: 'device', ok: false, detail: opened.message }]
        : await checkDevice(opened),
    notes: notesOn(wanted, packages, adapter, device),
  };
}

/** A device, or why it cannot be opened. */
const openOrFail = (kind: DeviceKind | 'auto'): Promise<Device | Error> =>
  openCliDevice(kind, true).catch((error) => error);

function versionOf(name: string): string | null {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const manifest = paths.map((path) => `${path}/${name}/package.json`).find(existsSync);
  return manifest ? JSON.parse(readFileSync(manifest, 'utf8')).version : null;
}

/** Whether the runtime has WebGPU without a package, as Deno. */
const hasOwnWebGPU = (): boolean => globalThis.navigator?.gpu !== undefined;

async function hasAdapter(webgpu: string | null): Promise<boolean> {
  if (webgpu === null) return false;
  const probe = pathToFileURL(shippedFile('scripts/setup/probe.mjs')).href;
  const { probeAdapter } = await import(probe);
  return probeAdapter(shippedFile('.')) !== undefined;
}

function runtimeName(): string {
  const { bun, deno, node } = process.versions;
  if (bun) return `Bun ${bun}`;
  return deno ? `Deno ${deno}` : `Node ${node}`;
}

async function adapterFacts(): Promise<AdapterFacts | null> {
  const gpu = await findWebGPU({ experimental: false });
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const { description, vendor, architecture } = adapter.info;
  return {
    description,
    vendor,
    architecture,
    software: isSoftware(adapter),
    features: [...adapter.features].sort(),
    limits: Object.fromEntries(shownLimits.map((name) => [name, adapter.limits[name]])),
  };
}

/** Known traps that this machine may fall into. */
function notesOn(
  kind: DeviceKind | 'auto',
  packages: Diagnosis['packages'],
  adapter: AdapterFacts | null,
  device: Device | null,
): string[] {
  const { env, platform } = process;
  const isLinux = platform === 'linux';
  const has = (feature: string) => adapter === null || adapter.features.includes(feature);
  const traps: [boolean, string][] = [
    [
      packages.webgpu === null && !hasOwnWebGPU(),
      'no WebGPU in Node without the package webgpu: npm install webgpu',
    ],
    [
      wantsWebGPU(kind) && packages.webgpu !== null && adapter === null,
      'no WebGPU adapter: `npx wigbert setup` looks for a driver',
    ],
    [isLinux && isMusl(), 'this system has musl instead of glibc, for which webgpu has no build'],
    [
      isLinux && !existsSync('/dev/dri') && !existsSync('/dev/nvidia0'),
      'no GPU is visible (/dev/dri): a container needs --device /dev/dri or --gpus all',
    ],
    [
      adapter?.software === true,
      'the adapter is software: `--device wasm` is faster without a GPU',
    ],
    [!has('timestamp-query'), 'the adapter has no timestamps: --profile does not work'],
    [
      device?.kind === 'webgpu' && device.traits.subgroupSize === 0,
      'subgroups have no fixed size: kernels use shared memory instead',
    ],
    [
      (adapter?.limits.maxStorageBufferBindingSize ?? Infinity) < 2 ** 30,
      'bindings are small: tensors above that size are processed in parts',
    ],
    [totalmem() < 2 ** 31, 'less than 2 GiB of memory: choose a small model and batch'],
    [env.HF_HUB_OFFLINE !== undefined, `HF_HUB_OFFLINE=${env.HF_HUB_OFFLINE}: no downloads`],
    [env.HF_ENDPOINT !== undefined, `HF_ENDPOINT=${env.HF_ENDPOINT}: models come from there`],
    [
      packages['@huggingface/hub'] === null,
      'models cannot be downloaded by name without: npm install @huggingface/hub',
    ],
  ];
  return traps.filter(([applies]) => applies).map(([, note]) => note);
}

function isMusl(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined;
}

/** A diagnosis as lines of text, for people. */
export function doctorLines(found: Diagnosis): string[] {
  const { adapter, device, memory, packages } = found;
  const installed = Object.entries(packages).map(
    ([name, version]) => `${name} ${version ?? 'missing'}`,
  );
  const lines: [string, string][] = [
    ['wigbert', found.wigbert],
    ['runtime', found.runtime],
    ['system', found.system],
    ['processor', found.processor],
    ['memory', `${mebibytes(memory.total)}, ${mebibytes(memory.free)} free`],
    ['packages', installed.join(', ')],
  ];
  if (device) lines.push(['device', `${device.kind} (${device.description})`]);
  if (adapter) {
    const { limits } = adapter;
    lines.push(
      ['adapter', [adapter.vendor, adapter.architecture].filter(Boolean).join(' ') || 'unnamed'],
      ['features', adapter.features.join(' ')],
      [
        'limits',
        `buffer ${mebibytes(limits.maxBufferSize)}, ` +
          `binding ${mebibytes(limits.maxStorageBufferBindingSize)}, ` +
          `workgroup ${limits.maxComputeInvocationsPerWorkgroup} × ` +
          `${limits.maxComputeWorkgroupStorageSize / 1024} KiB, ` +
          `${limits.maxStorageBuffersPerShaderStage} buffers`,
      ],
    );
  }
  for (const { name, ok, detail } of found.checks)
    lines.push([name, `${ok ? 'ok' : 'FAILED'}: ${detail}`]);
  for (const note of found.notes) lines.push(['note', note]);
  return lines.map(([name, value]) => `${name.padEnd(14)} ${value}`);
}
