// The app of scripts/bundlers.mjs: trains 20 steps and gives the model as files.
import { tensor, useDevice } from 'wigbert';
import { BertForSequenceClassification, bertConfig } from 'wigbert/bert';
import { BertTokenizer } from 'wigbert/tokenizers';
import { encodeExamples, fit, pipeline } from 'wigbert/train';

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film', 'a'];
export const texts = ['good film', 'a bad film', 'a good film', 'bad film'];

export async function run(device) {
  await useDevice(device);
  const tokenizer = new BertTokenizer(words);
  const sizes = { hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 64 };
  const config = bertConfig({ vocabSize: tokenizer.length, ...sizes });
  const model = BertForSequenceClassification.fromConfig(config);
  const rows = texts.map((text) => ({ text, label: Number(text.includes('good')) }));
  const options = { maxSteps: 20, learningRate: 1e-2 };
  const history = await fit(model, encodeExamples(rows, tokenizer), [], options);
  const classifier = await pipeline('text-classification', model, { tokenizer });
  const predictions = await classifier.predict(texts);
  const files = await model.files(tokenizer.files());
  return {
    steps: history.steps.length,
    labels: predictions.map(({ label }) => label),
    // Methods are there although no bundler sees them used.
    sum: (await tensor([1, 2]).add(1).data()).join(),
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, [...bytes]])),
  };
}

/** Sends the result to the server that waits for it. */
export async function report(device, url) {
  const result = await run(device).catch((error) => ({ error: String(error.stack) }));
  await fetch(url, { method: 'POST', mode: 'no-cors', body: JSON.stringify(result) });
}
