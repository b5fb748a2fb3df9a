import { KernelError } from '../errors.ts';
import { type Constants, type Kernel, kernelText } from '../kernel.ts';
import type { Traits } from '../traits.ts';
import { SHADER_STAGE_COMPUTE } from './flags.ts';

/** What a pipeline is made from: WGSL, and the type of each storage buffer that it binds. */
export interface PipelineText {
  kernel: string;
  label: string;
  code: string;
  storage: GPUBufferBindingType[];
}

export interface Pipeline {
  readonly id: number;
  readonly text: PipelineText;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Whether it was launched before: software adapters compile it at the first launch. */
  launched: boolean;
}

/**
 * Compiles each variant of each kernel once. If the adapter refuses a text, the report names the
 * kernel and quotes the WGSL line.
 */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #traits: Traits;
  readonly #report: (error: Promise<Error | undefined>) => void;
  readonly #byKernel = new Map<Kernel, Map<string, Pipeline>>();
  #nextId = 1;

  /** `report` gets the verdict of the adapter on each text. */
  constructor(
    device: GPUDevice,
    traits: Traits,
    report: (error: Promise<Error | undefined>) => void,
  ) {
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
    const text = pipelineText(kernel, constants, this.#traits);
    this.#device.pushErrorScope('validation');
    const { module, layout, gpu } = createPipeline(this.#device, text);
    this.#report(
      this.#device
        .popErrorScope()
        .then((error) => (error ? explain(text, module, error.message) : undefined)),
    );
    return { id: this.#nextId++, text, gpu, layout, launched: false };
  }
}

export const pipelineText = (
  kernel: Kernel,
  constants: Constants,
  traits: Traits,
): PipelineText => ({
  kernel: kernel.name,
  label: `${kernel.name} ${JSON.stringify(constants)}`,
  code: kernelText(kernel, constants, traits),
  storage: Object.values(kernel.buffers).map(({ access }) =>
    access === 'read' ? 'read-only-storage' : 'storage',
  ),
});

/** Makes a pipeline. Binding 0 holds the parameters; the storage buffers follow. */
export function createPipeline(device: GPUDevice, { label, code, storage }: PipelineText) {
  const layout = device.createBindGroupLayout({
    entries: ['uniform' as const, ...storage].map((type, binding) => ({
      binding,
      visibility: SHADER_STAGE_COMPUTE,
      buffer: { type },
    })),
  });
  const module = device.createShaderModule({ label, code });
  const gpu = device.createComputePipeline({
    label,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  });
  return { module, layout, gpu };
}

async function explain(
  { kernel, code }: PipelineText,
  module: GPUShaderModule,
  fallback: string,
): Promise<Error> {
  const { messages } = await module.getCompilationInfo();
  const first = messages.find((message) => message.type === 'error');
  if (!first) return new KernelError(kernel, fallback);
  const line = code.split('\n')[first.lineNum - 1]?.trim();
  return new KernelError(kernel, `WGSL line ${first.lineNum}: ${first.message}\n    ${line}`);
}
