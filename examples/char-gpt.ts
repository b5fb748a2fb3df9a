import {
  arange,
  crossEntropy,
  scaledDotProductAttention,
  stack,
  type Tensor,
  tensor,
} from 'wigbert';
import { Embedding, LayerNorm, Linear, Module } from 'wigbert/nn';
import { AdamW, clipGradNorm } from 'wigbert/optim';
import { initWeights } from './shared.ts';

const [CONTEXT, SIZE, HEADS] = [16, 32, 4];

class Block extends Module {
  ln1 = new LayerNorm(SIZE);
  qkv = new Linear(SIZE, 3 * SIZE, { bias: false });
  proj = new Linear(SIZE, SIZE);
  ln2 = new LayerNorm(SIZE);
  up = new Linear(SIZE, 4 * SIZE);
  down = new Linear(4 * SIZE, SIZE);

  forward(x: Tensor): Tensor {
    const [batch, length] = x.shape;
    const heads = (t: Tensor) => t.reshape([batch, length, HEADS, -1]).transpose(1, 2);
    const [q, k, v] = this.qkv.forward(this.ln1.forward(x)).chunk(3, -1).map(heads);
    const attended = scaledDotProductAttention(q, k, v, { isCausal: true });
    x = x.add(this.proj.forward(attended.transpose(1, 2).reshape([batch, length, SIZE])));
    return x.add(this.down.forward(this.up.forward(this.ln2.forward(x), 'gelu')));
  }
}

class GPT extends Module {
  wte: Embedding;
  wpe = new Embedding(CONTEXT, SIZE);
  blocks = [new Block(), new Block()];
  lnF = new LayerNorm(SIZE);
  head: Linear;

  constructor(vocabSize: number) {
    super();
    this.wte = new Embedding(vocabSize, SIZE);
    this.head = new Linear(SIZE, vocabSize);
  }

  forward(ids: Tensor): Tensor {
    let x = this.wte.forward(ids).add(this.wpe.forward(arange(ids.shape[1])));
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(this.lnF.forward(x));
  }
}

export default async function charGpt(): Promise<number[]> {
  const text =
    'the quick brown fox jumps over the lazy dog and runs away from the quick brown bear';
  const chars = [...new Set(text)].sort();
  const ids = tensor(
    [...text].map((c) => chars.indexOf(c)),
    { dtype: 'int32' },
  );
  const model = new GPT(chars.length);
  initWeights(model);
  const optimizer = new AdamW(model.parameters(), { lr: 0.01, betas: [0.9, 0.95] });

  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const starts = [0, 1, 2, 3].map((i) => (7 * step + 17 * i) % (text.length - CONTEXT - 1));
    const windows = (shift: number) =>
      stack(starts.map((at) => ids.slice([[at + shift, at + shift + CONTEXT]])));
    const logits = model.forward(windows(0));
    const loss = crossEntropy(logits.reshape([-1, chars.length]), windows(1).reshape([-1]));
    optimizer.zeroGrad();
    loss.backward();
    clipGradNorm(model.parameters(), 1);
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
