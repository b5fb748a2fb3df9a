import { bertConfig } from '../bert/config.ts';
import { BertForSequenceClassification } from '../bert/heads/sequenceClassification.ts';
import { CpuDevice } from '../device/cpu.ts';
import type { Device } from '../device/device.ts';
import { manualSeed, randn, setDevice, softmax } from '../tensor/index.ts';
import { fit } from '../train/trainer/fit.ts';

/** Something that was tried. */
export interface Check {
  name: string;
  ok: boolean;
  /** What came out, or why it failed. */
  detail: string;
}

/** Largest difference from the reference that rounding explains. */
const TOLERANCE = 1e-3;

/** Runs kernels and training steps on a device, and on the references in plain JavaScript. */
export async function checkDevice(device: Device): Promise<Check[]> {
  const reference = new CpuDevice();
  try {
    return [
      await compare('kernels', 'matrix product and softmax', device, reference, computeSoftmax),
      await compare('training', 'four steps of a tiny BERT', device, reference, trainSteps),
    ];
  } finally {
    setDevice(device);
  }
}

async function compare(
  name: string,
  what: string,
  device: Device,
  reference: Device,
  work: (device: Device) => Promise<ArrayLike<number>>,
): Promise<Check> {
  try {
    const expected = Array.from(await work(reference));
    const begin = performance.now();
    const got = await work(device);
    const seconds = (performance.now() - begin) / 1000;
    const largest = Math.max(...expected.map((value, i) => Math.abs(value - got[i])));
    const detail =
      `${what} in ${seconds.toFixed(2)} s, ` +
      `differs from the reference by ${largest.toExponential(1)} at most`;
    return { name, ok: largest <= TOLERANCE, detail };
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message };
  }
}

/** Two kernels, a matrix product and a softmax. */
const computeSoftmax = async (device: Device): Promise<ArrayLike<number>> => {
  setDevice(device);
  manualSeed(1);
  const [a, b] = [randn([64, 96]), randn([96, 80])];
  return softmax(a.matmul(b), -1).data();
};

/** The losses of four steps of a tiny BERT. */
const trainSteps = async (device: Device): Promise<number[]> => {
  setDevice(device);
  const model = BertForSequenceClassification.fromConfig(
    bertConfig({
      ...{ vocabSize: 32, hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 },
      ...{ intermediateSize: 64, maxPositionEmbeddings: 16 },
    }),
  );
  const examples = Array.from({ length: 8 }, (_, i) => ({
    inputIds: [2, 5 + i, 20 - i, 3],
    tokenTypeIds: [0, 0, 0, 0],
    label: i % 2,
  }));
  const { steps } = await fit(model, examples, [], { maxSteps: 4, learningRate: 1e-3 });
  model.dispose();
  return steps.map(({ loss }) => loss);
};
