import { BertForSequenceClassification, bertConfig } from '../../src/entries/bert.ts';
import { BertTokenizer } from '../../src/entries/tokenizers.ts';
import {
  encodeExamples,
  fit,
  fitDefaults,
  TextClassificationPipeline,
} from '../../src/entries/train.ts';
import { manualSeed, randn, useDevice } from '../../src/index.ts';

/** Numbers on which devices and runtimes agree: a gradient, losses of three steps, a score. */
export async function work(device: 'webgpu' | 'wasm' | 'cpu'): Promise<Record<string, unknown>> {
  await useDevice(device);
  manualSeed(1);
  const x = randn([2, 3], { requiresGrad: true });
  x.matmul(randn([3, 2]))
    .tanh()
    .sum()
    .backward();
  const gradient = await x.grad!.tolist();

  const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film', 'a'];
  const tokenizer = new BertTokenizer(words);
  const model = BertForSequenceClassification.fromConfig(
    bertConfig({
      vocabSize: words.length,
      hiddenSize: 32,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 64,
      hiddenDropoutProb: 0,
      attentionProbsDropoutProb: 0,
    }),
  );
  const examples = ['good film', 'a bad film', 'a good film', 'bad film'].map((text, i) => ({
    text,
    label: (i + 1) % 2,
  }));
  const encoded = encodeExamples(examples, tokenizer, 8, 512);
  const { steps } = await fit(model, encoded, [], {
    ...fitDefaults,
    epochs: 3,
    learningRate: 1e-2,
  });
  const [{ score }] = await new TextClassificationPipeline(model, tokenizer).predict([
    'a good film',
  ]);
  return { gradient, losses: steps.map(({ loss }) => loss), score };
}
