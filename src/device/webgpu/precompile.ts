import { BufferUsage } from './flags.ts';
import { createPipeline, type Pipeline, type PipelineText } from './pipelines.ts';

/** If the first run of a step takes more milliseconds than this, compiling holds it up. */
const SLOW_START_MS = 200;
/** Bytes of a buffer that stands in for the real ones: more than any kernel requires. */
const DUMMY_BYTES = 4096;

/** Lets a second device compile pipelines ahead if `run`, the first run of a step, takes long. */
export function precompileIfSlow(
  openSecondDevice: () => Promise<GPUDevice>,
  pipelines: Iterable<Pipeline>,
  run: Promise<unknown>,
): void {
  let isDone = false;
  const texts = Array.from(pipelines, ({ text }) => text);
  // If it fails, only a head start is lost.
  const timer = setTimeout(
    () => precompile(openSecondDevice, texts, () => isDone).catch(() => {}),
    SLOW_START_MS,
  );
  const cancel = () => {
    isDone = true;
    clearTimeout(timer);
  };
  run.then(cancel, cancel);
}

/**
 * A software adapter compiles each kernel at its first launch, one after the other on one core,
 * which is most of a cold start. So a second device launches the kernels of a step as well, last
 * ones first and with empty grids. The driver caches what it compiles on disk, and the first device
 * finds it there.
 * @param isCancelled whether the first device has finished
 */
export async function precompile(
  openSecondDevice: () => Promise<GPUDevice>,
  texts: readonly PipelineText[],
  isCancelled: () => boolean,
): Promise<void> {
  const device = await openSecondDevice();
  try {
    const emptyDispatch = device.createBuffer({
      size: 12,
      usage: BufferUsage.INDIRECT | BufferUsage.COPY_DST,
    });
    // New memory is not zeroed.
    device.queue.writeBuffer(emptyDispatch, 0, new Uint32Array(3));
    const buffer = (usage: number) => device.createBuffer({ size: DUMMY_BYTES, usage });
    const params = buffer(BufferUsage.UNIFORM);
    const dummies = Array.from(
      { length: Math.max(...texts.map(({ storage }) => storage.length)) },
      () => buffer(BufferUsage.STORAGE),
    );
    for (const text of texts.toReversed()) {
      if (isCancelled()) break;
      const { gpu, layout } = createPipeline(device, text);
      const entries = [params, ...dummies.slice(0, text.storage.length)].map((one, binding) => ({
        binding,
        resource: { buffer: one },
      }));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(gpu);
      pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
      pass.dispatchWorkgroupsIndirect(emptyDispatch, 0);
      pass.end();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    }
  } finally {
    device.destroy();
  }
}
