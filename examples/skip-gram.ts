import { cosineSimilarity, logSigmoid, type Tensor, tensor } from 'wigbert';
import { Embedding, Module } from 'wigbert/nn';
import { Adam } from 'wigbert/optim';
import { initWeights, integers } from './shared.ts';

/** Word vectors by negative sampling (Mikolov et al. 2013). */
class SkipGram extends Module {
  center: Embedding;
  context: Embedding;

  constructor(vocabSize: number, size: number) {
    super();
    this.center = new Embedding(vocabSize, size);
    this.context = new Embedding(vocabSize, size);
  }

  forward(center: Tensor, context: Tensor, negatives: Tensor): Tensor {
    const v = this.center.forward(center);
    const positive = v.mul(this.context.forward(context)).sum(-1);
    const negative = this.context.forward(negatives).matmul(v.unsqueeze(-1)).squeeze(-1);
    return logSigmoid(positive).add(logSigmoid(negative.neg()).sum(-1)).mean().neg();
  }
}

export default async function skipGram(): Promise<number[]> {
  const text = 'the cat sat on the mat the dog sat on the rug the cat saw the dog';
  const words = text.split(' ');
  const vocabulary = [...new Set(words)];
  const ids = words.map((word) => vocabulary.indexOf(word));
  const pairs = ids.flatMap((id, i) =>
    [-2, -1, 1, 2].filter((d) => ids[i + d] !== undefined).map((d) => [id, ids[i + d]]),
  );
  const [centers, contexts] = tensor(pairs, { dtype: 'int32' }).unbind(1);

  const model = new SkipGram(vocabulary.length, 8);
  initWeights(model);
  const optimizer = new Adam(model.parameters(), { lr: 0.05 });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const negatives = integers(step, 0, vocabulary.length, pairs.length, 5);
    const loss = model.forward(centers, contexts, negatives);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const vectors = model.center.weight;
  const [cat, dog] = ['cat', 'dog'].map((word) => vectors.select(0, vocabulary.indexOf(word)));
  console.log(`cat and dog: ${(await cosineSimilarity(cat, dog, 0).item()).toFixed(2)}`);
  return losses;
}
