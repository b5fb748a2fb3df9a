import { KernelError } from './errors.ts';
import { type Constants, type Kernel, kernelText } from './kernel.ts';
import type { Traits } from './traits.ts';

export interface Pipeline {
  readonly id: number;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const COMPUTE = 0x4; // GPUShaderStage.COMPUTE

/** Compiles each variant of each kernel once. A refused text is reported with the kernel's name and the WGSL line. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #traits: Traits;
  readonly #report: (error: Promise<Error | undefined>) => void;
  readonly #byKernel = new Map<Kernel, Map<string, Pipeline>>();
  #nextId = 1;

  /** `report` takes what compiling turns out to have been wrong, once the adapter has said so. */
  constructor(device: GPUDevice, traits: Traits, report: (error: Promise<Error | undefined>) => void) {
    this.#device = device;
    this.#traits = traits;
    this.#report = report;
  }

  get(kernel: Kernel, constants: Constants): Pipeline {
    let variants = this.#byKernel.get(kernel);
    if (!variants) this.#byKernel.set(kernel, (variants = new Map()));
    const key = Object.values(constants).join();
    let pipeline = variants.get(key);
    if (!pipeline) variants.set(key, (pipeline = this.#compile(kernel, constants)));
    return pipeline;
  }

  #compile(kernel: Kernel, constants: Constants): Pipeline {
    const code = kernelText(kernel, constants, this.#traits);
    const label = `${kernel.name} ${JSON.stringify(constants)}`;
    this.#device.pushErrorScope('validation');
    const types: GPUBufferBindingType[] = Object.values(kernel.buffers).map(({ access }) =>
      access === 'read' ? 'read-only-storage' : 'storage',
    );
    const layout = this.#device.createBindGroupLayout({
      entries: ['uniform' as GPUBufferBindingType, ...types].map((type, binding) => ({
        binding,
        visibility: COMPUTE,
        buffer: { type },
      })),
    });
    const module = this.#device.createShaderModule({ label, code });
    const gpu = this.#device.createComputePipeline({
      label,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    this.#report(
      this.#device.popErrorScope().then((error) => (error ? explain(kernel.name, code, module, error.message) : undefined)),
    );
    return { id: this.#nextId++, gpu, layout };
  }
}

async function explain(kernel: string, code: string, module: GPUShaderModule, fallback: string): Promise<Error> {
  const { messages } = await module.getCompilationInfo();
  const first = messages.find((message) => message.type === 'error');
  if (!first) return new KernelError(kernel, fallback);
  const line = code.split('\n')[first.lineNum - 1]?.trim();
  return new KernelError(kernel, `WGSL line ${first.lineNum}: ${first.message}\n    ${line}`);
}
