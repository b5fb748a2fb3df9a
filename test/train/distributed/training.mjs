/** Small trainings on dist, the same in one process and in several. */
import { createHash } from 'node:crypto';
import { bertConfig, labelFields } from '../../../dist/src/bert/config.js';
import { useDevice } from '../../../dist/src/tensor/index.js';
import { Philox } from '../../../dist/src/tensor/random.js';
import { BertTokenizer } from '../../../dist/src/text/tokenizer/index.js';
import { FeatureExtractionPipeline } from '../../../dist/src/train/pipelines/featureExtraction.js';
import { ExampleBuilder, pretrainModels } from '../../../dist/src/train/pretraining/objective.js';
import { pretrainModel } from '../../../dist/src/train/pretraining/pretrain.js';
import { tasks } from '../../../dist/src/train/tasks/index.js';
import { createTaskModel } from '../../../dist/src/train/tasks/taskModel.js';
import { evaluateExamples } from '../../../dist/src/train/trainer/evaluate.js';
import { fit } from '../../../dist/src/train/trainer/fit.js';

const config = {
  vocabSize: 60,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 16,
  maxPositionEmbeddings: 32,
};
const options = { batchSize: 2, gradientAccumulationSteps: 4, learningRate: 1e-3, seed: 3 };

/** Hashes of all weights and of the history. */
async function outcome(model, history) {
  const weights = createHash('sha256');
  for (const [name, tensor] of model.namedParameters())
    weights.update(name).update(Buffer.from((await tensor.data()).slice().buffer));
  const { steps, ...rest } = history;
  return { weights: weights.digest('hex'), steps, rest };
}

function texts(count) {
  const random = new Philox(5);
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 2 + random.randint(9) }, () => 10 + random.randint(40));
    const inputIds = [2, ...words, 3];
    return { inputIds, tokenTypeIds: inputIds.map(() => 0), label: i % 2 };
  });
}

/** Fine-tunes on a device, with dropout. */
export async function trainWith({ device = 'wasm', onStep, ...changes } = {}) {
  await useDevice(device, { threads: 1 });
  // Few of these words occur in a batch.
  const labelled = bertConfig({ ...config, vocabSize: 200, ...labelFields(['no', 'yes']) });
  const model = createTaskModel(tasks.classification, labelled, 1);
  const history = await fit(model, texts(11), texts(3), {
    // The last step of an epoch has one part, a smaller one.
    ...{ ...options, gradientAccumulationSteps: 5, epochs: 2, patience: 9, ...changes },
    onStep: (record) => onStep?.(record, model),
  });
  return outcome(model, history);
}

/** What a model gives for texts; the processes share the work, or each does it alone. */
async function evaluateWith(shared) {
  await useDevice('wasm', { threads: 1 });
  const model = createTaskModel(
    tasks.classification,
    bertConfig({ ...config, ...labelFields(['no', 'yes']) }),
    1,
  );
  const { loss, probabilities } = await evaluateExamples(model, texts(11), 2, { shared });
  const words = new FeatureExtractionPipeline(model.bert);
  const vectors = [];
  for await (const vector of words.stream(texts(11), 2, { shared })) vectors.push([...vector]);
  return { loss, probabilities, vectors };
}

async function pretrainWith(objective) {
  await useDevice('wasm', { threads: 1 });
  const words = Array.from({ length: 55 }, (_, i) => `w${i}`);
  const tokenizer = new BertTokenizer(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words]);
  const random = new Philox(6);
  const sentence = () => Array.from({ length: 4 }, () => words[random.randint(55)]).join(' ');
  const corpus = Array.from({ length: 9 }, () => [sentence(), sentence()]);
  const building = { objective, maxLength: 16, mlmProbability: 0.15, wholeWordMask: false };
  const exampleBuilder = new ExampleBuilder(tokenizer, { ...building, batchSize: 2 });
  const model = pretrainModels[objective].fromConfig(bertConfig(config), 1);
  async function* documents() {
    yield* corpus;
  }
  const held = await exampleBuilder.examples(corpus.slice(0, 4), 9);
  const valid = [0, 2, 3].map((begin, i) =>
    exampleBuilder.collate(held.slice(begin, [2, 3, 4][i]), 9, i),
  );
  const data = { documents, exampleBuilder, valid };
  const steps = { totalSteps: 3, evalEvery: 2 };
  const history = await pretrainModel(model, data, { ...building, ...options, ...steps });
  return outcome(model, history);
}

/** What fine-tuning, pre-training and evaluations end with. */
export const trainAll = async (shared) => ({
  cpu: await trainWith({ device: 'cpu', maxSteps: 2 }),
  wasm: await trainWith(),
  both: await pretrainWith('mlm+nsp'),
  outputs: await evaluateWith(shared),
});
