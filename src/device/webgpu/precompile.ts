import { createPipeline, type Pipeline, type PipelineText } from './pipelines.ts';

const [COPY_DST, UNIFORM, STORAGE, INDIRECT] = [0x08, 0x40, 0x80, 0x100]; // GPUBufferUsage
/** Milliseconds after which a step's first run is known to be held up by compiling. */
const SLOW_START_MS = 200;
/** Bytes of a buffer that stands in for any that a kernel may bind. */
const DUMMY_BYTES = 4096;

/** Has a second device compile what the first has not come to yet, should `run`, the first run of a step, take long. */
export function precompileIfSlow(
  openSecondDevice: () => Promise<GPUDevice>,
  pipelines: Iterable<Pipeline>,
  run: Promise<unknown>,
): void {
  let isDone = false;
  const texts = Array.from(pipelines, ({ text }) => text);
  // If it fails, all that is lost is a head start.
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
 * A software adapter compiles a kernel at its first launch, one after the other on one core, which is most of a cold start.
 * So a second device launches the kernels of a step as well, without work, last ones first: the driver keeps what it
 * compiles in a cache on disk, where the first device finds it when it comes so far.
 * @param isCancelled whether the first device has no use for it any more
 */
export async function precompile(
  openSecondDevice: () => Promise<GPUDevice>,
  texts: readonly PipelineText[],
  isCancelled: () => boolean,
): Promise<void> {
  const device = await openSecondDevice();
  try {
    const emptyDispatch = device.createBuffer({ size: 12, usage: INDIRECT | COPY_DST });
    // Dawn may leave new memory as it was.
    device.queue.writeBuffer(emptyDispatch, 0, new Uint32Array(3));
    const buffer = (usage: number) => device.createBuffer({ size: DUMMY_BYTES, usage });
    const params = buffer(UNIFORM);
    const dummies = Array.from(
      { length: Math.max(...texts.map(({ storage }) => storage.length)) },
      () => buffer(STORAGE),
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
