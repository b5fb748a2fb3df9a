import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { backward, tensor } from '../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { encodePairs } from '../../../src/train/data/pairEncoding.ts';
import { FeatureExtractionPipeline } from '../../../src/train/pipelines/featureExtraction.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import { fineTune } from '../../../src/train/recipes/fineTune.ts';
import { predict } from '../../../src/train/recipes/predict.ts';
import {
  cosentLoss,
  cosineLoss,
  multipleNegativesLoss,
} from '../../../src/train/tasks/similarityLosses.ts';

const root = mkdtempSync(join(tmpdir(), 'wigbert-similarity-'));
afterAll(() => rmSync(root, { recursive: true }));

const [first, second] = [
  [1, 0, 2, 0.5, -1, 0.3],
  [0.5, 1, 2, 0, 1, 1],
].map((values) => tensor(values, { requiresGrad: true }).reshape([3, 2]));
const vectors = [first, second] as const;
const rows = (values: number[]) => [values.slice(0, 2), values.slice(2, 4), values.slice(4)];
const [u, v] = [rows([1, 0, 2, 0.5, -1, 0.3]), rows([0.5, 1, 2, 0, 1, 1])];
const cos = (a: number[], b: number[]) =>
  (a[0] * b[0] + a[1] * b[1]) / Math.hypot(...a) / Math.hypot(...b);
const cosines = u.map((row, i) => cos(row, v[i]));
const scores = [1, 5, 2];
const given = tensor(scores);

describe('losses of pairs', () => {
  it('CoSENT compares each pair with those of higher scores', async () => {
    let sum = 1;
    for (const [i, low] of scores.entries())
      for (const [j, high] of scores.entries())
        if (low < high) sum += Math.exp(20 * (cosines[i] - cosines[j]));
    const loss = await cosentLoss(tensor(cosines), given).item();
    expect(loss).toBeCloseTo(Math.log(sum), 4);
    expect(await cosentLoss(tensor([0.3]), tensor([2])).item()).toBe(0);
    expect(await cosentLoss(tensor([0.3, 0.9]), tensor([2, 2])).item()).toBe(0);
  });

  it('cosine is the squared distance of cosines and scores from 0 to 1', async () => {
    const expected = cosines.reduce((sum, c, i) => sum + (c - (scores[i] - 1) / 4) ** 2, 0) / 3;
    const loss = cosineLoss(vectors, given, { lowest: 1, highest: 5 });
    expect(await loss.item()).toBeCloseTo(expected, 5);
    const equal = cosineLoss(vectors, given, { lowest: 5, highest: 5 });
    expect(Number.isFinite(await equal.item())).toBe(true);
  });

  it('multiple negatives ranks the own text of pairs of the upper half', async () => {
    const logits = v.map((each) => 20 * cos(u[1], each));
    const expected = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - logits[1];
    const loss = multipleNegativesLoss(vectors, given, { lowest: 1, highest: 5 });
    expect(await loss.item()).toBeCloseTo(expected, 4);
    backward(loss);
  });
});

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'abcdefghijklmnop'];
const words = (...ids: number[]) => ids.map((id) => 'abcdefghijklmnop'[id % 16]).join(' ');
/** A pair's score is the number of equal words. */
const pairs = Array.from({ length: 48 }, (_, i) => {
  const equal = i % 4;
  const own = [i, i + 5, i + 11].map((id) => id * 7 + i);
  const other = own.map((id, at) => (at < equal ? id : id + 3 + at));
  return `${words(...own)}\t${words(...other)}\t${equal}`;
});
const file = (name: string, text: string) => {
  writeFileSync(join(root, name), text);
  return join(root, name);
};

describe('train, evaluate, predict and embed', () => {
  const out = join(root, 'model');
  const data = file('pairs.tsv', `sentence1\tsentence2\tscore\n${pairs.join('\n')}\n`);
  const start = () => ({
    vocab: file('vocab.txt', `${vocab.join('\n')}\n`),
    config: file(
      'config.json',
      JSON.stringify({
        ...{ vocab_size: vocab.length, hidden_size: 16, num_hidden_layers: 1 },
        ...{ num_attention_heads: 2, intermediate_size: 16, max_position_embeddings: 16 },
        ...{ hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 },
      }),
    ),
  });
  const options = { task: 'similarity' as const, maxLength: 16, validSplit: 0, batchSize: 12 };
  const json = (name: string) => JSON.parse(readFileSync(join(out, name), 'utf8'));

  it.each(['cosine', 'multiple-negatives', 'cosent'] as const)('learns by %s', async (loss) => {
    const run = { ...options, ...start(), data, out, loss, overwrite: true };
    const { history } = await fineTune({ ...run, epochs: 8, learningRate: 1e-2 });
    const { task, metrics } = await evaluate({ model: out, data });
    expect(task).toBe('similarity');
    expect(history.steps.at(-1)!.loss).toBeLessThan(history.steps[0].loss);
    expect(metrics.spearman).toBeGreaterThan(0.6);
  });

  it('is a folder of sentence-transformers, whose pooling is what embeds', async () => {
    expect(json('config.json').architectures).toEqual(['BertModel']);
    const kinds = json('modules.json').map(({ type }: { type: string }) => type.split('.').at(-1));
    expect(kinds).toEqual(['Transformer', 'Pooling']);
    const pooling = json('1_Pooling/config.json');
    expect([pooling.pooling_mode_mean_tokens, pooling.word_embedding_dimension]).toEqual([
      true,
      16,
    ]);
    expect(json('sentence_bert_config.json').max_seq_length).toBe(16);
    const texts = ['a b c', 'd'];
    const embed = async () => (await FeatureExtractionPipeline.fromPretrained(out)).predict(texts);
    const mean = await embed();
    const change = (name: string, changes: object) =>
      writeFileSync(join(out, name), JSON.stringify({ ...json(name), ...changes }));
    const modes = { pooling_mode_mean_tokens: false, pooling_mode_cls_token: true };
    change('1_Pooling/config.json', modes);
    const cls = await embed();
    const pipeline = await FeatureExtractionPipeline.fromPretrained(out);
    expect(cls).toEqual(await pipeline.predict(texts, { pooling: 'cls' }));
    expect(mean).toEqual(await pipeline.predict(texts, { pooling: 'mean' }));
    const normalize = { idx: 2, name: '2', path: '2_Normalize', type: 'x.Normalize' };
    writeFileSync(join(out, 'modules.json'), JSON.stringify([...json('modules.json'), normalize]));
    for (const vector of await embed()) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    change('1_Pooling/config.json', {
      pooling_mode_cls_token: false,
      pooling_mode_max_tokens: true,
    });
    await expect(embed()).rejects.toThrow(/pooling_mode_cls_token or .*, got pooling_mode_max/);
    change('1_Pooling/config.json', {
      ...{ pooling_mode_mean_tokens: true, pooling_mode_max_tokens: false },
    });
  });

  it('a resumed run pools as the model does that it started from', async () => {
    const cls = join(root, 'cls');
    const run = { ...options, data, epochs: 1, batchSize: 16, learningRate: 1e-2 };
    await fineTune({ ...run, ...start(), out: cls });
    const pooling = join(cls, '1_Pooling/config.json');
    const text = readFileSync(pooling, 'utf8').replace(/("pooling_mode_mean\w+": )true/, '$1false');
    writeFileSync(pooling, text.replace(/("pooling_mode_cls\w+": )false/, '$1true'));
    const further = { ...run, model: cls, saveEvery: 1 };
    const whole = await fineTune({ ...further, out: join(root, 'whole') });
    const controller = new AbortController();
    const out = join(root, 'resumed');
    await fineTune(
      { ...further, out },
      {
        signal: controller.signal,
        onEvent: ({ event }) => event === 'step' && controller.abort(),
      },
    );
    const resumed = await fineTune({ resume: out });
    expect(resumed.history.steps).toEqual(whole.history.steps);
    const poolingOf = (dir: string) => readFileSync(join(dir, '1_Pooling/config.json'), 'utf8');
    expect(poolingOf(out)).toBe(poolingOf(cls));
  });

  it('predicts the cosine of a pair, and takes nothing else', async () => {
    const { task, predictions } = await predict({
      model: out,
      texts: [
        ['a b', 'a b'],
        ['a', 'p'],
      ],
    });
    expect(task).toBe('similarity');
    const [same, other] = predictions as { score: number }[];
    expect(same.score).toBeCloseTo(1, 5);
    expect(other.score).toBeLessThan(1);
    await expect(predict({ model: out, texts: ['a'] })).rejects.toThrow(/expected pairs/);
  });

  it('refuses data without pairs, and options of other tasks', async () => {
    const single = file('single.tsv', 'text\tscore\na b\t1\nc\t2\n');
    const run = { ...options, ...start(), out: join(root, 'other') };
    await expect(fineTune({ ...run, data: single })).rejects.toThrow(/expected a pair/);
    const labels = file('labels.tsv', 'text\tlabel\na b\tx\nc\ty\n');
    const classify = { ...run, task: 'classification' as const, data: labels };
    await expect(fineTune({ ...classify, loss: 'cosine' })).rejects.toThrow(
      '`loss`: expected the task similarity, got classification',
    );
    await expect(fineTune({ ...run, data, focalLoss: 1 })).rejects.toThrow(/`focalLoss`/);
    await expect(fineTune({ ...run, data, stride: 2 })).rejects.toThrow(/`stride`/);
  });
});

it('encodePairs cuts each text for itself', () => {
  const tokenizer = new BertTokenizer(vocab);
  const [{ inputIds, choiceLengths, truncated }] = encodePairs(
    [{ text: 'a b c', pair: 'd', label: 1 }],
    tokenizer,
    4,
  );
  expect(inputIds).toEqual([2, 5, 6, 3, 2, 8, 3]);
  expect([choiceLengths, truncated]).toEqual([[4, 3], true]);
});
