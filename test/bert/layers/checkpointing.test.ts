import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { AdamW } from '../../../src/nn/optim/index.ts';
import { capture, manualSeed, setDevice, type Tensor } from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));

const config = bertConfig({
  vocabSize: 40,
  hiddenSize: 16,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 16,
});
const ids = { data: Int32Array.from({ length: 24 }, (_, i) => (7 * i) % 40), shape: [3, 8] };
const labels = { data: Int32Array.of(0, 1, 1), shape: [3] };

describe.each(devices)('gradient checkpointing on %s', (_, device) => {
  /** Losses and weights of three steps, with dropout. */
  async function train(checkpoints: boolean) {
    setDevice(device!);
    manualSeed(3);
    const model = BertForSequenceClassification.fromConfig(config, 1).train();
    if (checkpoints) model.gradientCheckpointingEnable();
    const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
    const step = capture(device!, (inputs: { inputIds: Tensor; labels: Tensor }) => {
      const loss = model.forward(inputs).loss!;
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) losses.push(...(await step.run({ inputIds: ids, labels })));
    const weights = await Promise.all(model.parameters().map((weight) => weight.tolist()));
    step.dispose();
    return { losses, weights };
  }

  it.skipIf(!device)('gives the same losses and weights, bit for bit', async () => {
    expect(await train(true)).toEqual(await train(false));
  });
});
