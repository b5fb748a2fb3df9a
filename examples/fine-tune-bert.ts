import { AutoTokenizer, BertForSequenceClassification, freezeEncoder } from 'wigbert/bert';
import { AdamW } from 'wigbert/optim';
import { initWeights } from './shared.ts';

const TEXTS = ['내용이 훌륭했다!!', '시간이 아까웠어요', '정말 재미있는 영화', '지루하고 재미없다'];
const LABELS = [0, 1, 0, 1];

/** The folder is seen from the root of this project; any Hugging Face folder of BERT will do. */
export default async function fineTuneBert(folder = 'models/bert-tiny-ko'): Promise<number[]> {
  const tokenizer = await AutoTokenizer.fromPretrained(folder);
  const labels = ['positive', 'negative'];
  const model = await BertForSequenceClassification.fromPretrained(folder, { labels });
  // The embeddings stay as they are; the layers above learn.
  freezeEncoder(model, 0);
  // The new layers start as in the twin. `model.train()` would switch dropout on.
  for (const layer of [model.bert.pooler, model.classifier]) initWeights(layer);
  const trained = model.parameters().filter((parameter) => parameter.requiresGrad);
  const optimizer = new AdamW(trained, { lr: 1e-4 });
  const batch = tokenizer.encodeBatch(TEXTS, { padding: true });
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const { loss } = model.forward({ ...batch, labels: LABELS });
    optimizer.zeroGrad();
    loss!.backward();
    optimizer.step();
    losses.push(await loss!.item());
  }
  return losses;
}
