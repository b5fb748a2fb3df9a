import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { BertModel } from '../../../src/bert/model.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { serializeSafetensors } from '../../../src/formats/safetensors/file.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { convertModel } from '../../../src/train/recipes/convertModel.ts';
import { embed } from '../../../src/train/recipes/embed.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import { fineTune } from '../../../src/train/recipes/fineTune.ts';
import { predict } from '../../../src/train/recipes/predict.ts';
import { writeSentenceFiles } from '../../../src/train/recipes/sentenceFolder.ts';
import { setSentenceSettings } from '../../../src/train/tasks/similarity.ts';
import { tensorsOf } from '../../support/weights.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-sentence-'));
afterAll(() => rmSync(dir, { recursive: true }));

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'abcdefgh'];
const config = bertConfig({
  ...{ vocabSize: vocab.length, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2 },
  ...{ intermediateSize: 8, maxPositionEmbeddings: 16, initializerRange: 0.3 },
});
const [model, data] = [join(dir, 'model'), join(dir, 'pairs.tsv')];

describe('a folder that says max_seq_length 4, and to normalise', () => {
  beforeAll(async () => {
    setDevice(new CpuDevice());
    const made = BertModel.fromConfig(config, 1);
    await made.savePretrained(model, new BertTokenizer(vocab).files());
    setSentenceSettings(made, { pooling: 'mean', normalize: true, maxLength: 4 });
    await writeSentenceFiles(model, made);
    const pairs = ['a b c d e\ta c d e f\t1', 'b d f\tb f d\t3', 'c\ta\t2', 'e f g\ta b\t4'];
    writeFileSync(data, `sentence1\tsentence2\tscore\n${pairs.join('\n')}\n`);
  });

  it('is compared by the vectors that embed makes', async () => {
    const texts = ['a b c d', 'a b g h'] as const;
    const { vectors } = await embed({ model, texts });
    expect(vectors[0]).toEqual(vectors[1]);
    const { predictions } = await predict({ model, texts: [texts] });
    expect((predictions[0] as { score: number }).score).toBeCloseTo(1, 5);
    const { loss } = await evaluate({ model, data });
    expect(loss).toBe((await evaluate({ model, data, maxLength: 4 })).loss);
    expect(loss).not.toBe((await evaluate({ model, data, maxLength: 8 })).loss);
  });

  it('needs no pooler, which no vector goes through', async () => {
    const bare = join(dir, 'bare');
    cpSync(model, bare, { recursive: true });
    const weights = await tensorsOf(model);
    for (const name of weights.keys()) if (name.startsWith('pooler.')) weights.delete(name);
    writeFileSync(join(bare, 'model.safetensors'), serializeSafetensors(weights));
    expect((await evaluate({ model: bare, data })).loss).toBe(
      (await evaluate({ model, data })).loss,
    );
    const texts = [['a b', 'c d']] as const;
    expect((await predict({ model: bare, texts })).predictions).toEqual(
      (await predict({ model, texts })).predictions,
    );
  });

  it('reads texts in lower case if it says so, whatever the tokenizer does', async () => {
    const cased = join(dir, 'cased');
    cpSync(model, cased, { recursive: true });
    const tokenizer = new BertTokenizer(vocab, { doLowerCase: false });
    for (const [name, text] of Object.entries(tokenizer.files()))
      writeFileSync(join(cased, name), text);
    const vectorsOf = async (text: string) =>
      (await embed({ model: cased, texts: [text] })).vectors;
    expect(await vectorsOf('A b')).not.toEqual(await vectorsOf('a b'));
    const settings = join(cased, 'sentence_bert_config.json');
    writeFileSync(settings, '{"max_seq_length": 4, "do_lower_case": true}');
    expect(await vectorsOf('A b')).toEqual(await vectorsOf('a b'));
    // Only the case: an accent stays, and is unknown.
    expect(await vectorsOf('Á')).not.toEqual(await vectorsOf('a'));
    const out = join(dir, 'half');
    await convertModel({ model: cased, out, dtype: 'float16' });
    const copied = readFileSync(join(out, 'sentence_bert_config.json'), 'utf8');
    expect(JSON.parse(copied).do_lower_case).toBe(true);
  });

  it('makes vectors of length 1 of texts of several windows', async () => {
    const texts = ['a', 'a b c d e f g h'];
    const { vectors } = await embed({ model, texts, stride: 1 });
    for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
  });

  it('says what a training read, if that is longer', async () => {
    const out = join(dir, 'out');
    const run = { task: 'similarity' as const, validSplit: 0, epochs: 1, maxLength: 8 };
    await fineTune({ ...run, model, data, out });
    const written = JSON.parse(readFileSync(join(out, 'sentence_bert_config.json'), 'utf8'));
    expect(written.max_seq_length).toBe(8);
  });

  it('counts alone, as in sentence-transformers: the tokenizer may take less', async () => {
    const longer = join(dir, 'longer');
    cpSync(model, longer, { recursive: true });
    await new BertTokenizer(vocab, { modelMaxLength: 4 }).savePretrained(longer);
    const vectorsOf = async () =>
      (await embed({ model: longer, texts: ['a b c d e', 'a b'] })).vectors;
    const cut = await vectorsOf();
    writeFileSync(join(longer, 'sentence_bert_config.json'), '{"max_seq_length": 8}');
    expect((await vectorsOf())[0]).not.toEqual(cut[0]);
    const { loss } = await evaluate({ model: longer, data });
    expect(loss).toBe((await evaluate({ model: longer, data, maxLength: 8 })).loss);
  });

  it('keeps what it says for other programs, when it is converted', async () => {
    const [prompted, out] = [join(dir, 'prompted'), join(dir, 'prompted-half')];
    cpSync(model, prompted, { recursive: true });
    const about = {
      prompts: { query: 'query: ' },
      default_prompt_name: null,
      similarity_fn_name: 'dot',
    };
    const name = 'config_sentence_transformers.json';
    writeFileSync(join(prompted, name), JSON.stringify(about));
    await convertModel({ model: prompted, out, dtype: 'float16' });
    expect(JSON.parse(readFileSync(join(out, name), 'utf8'))).toEqual(about);
  });
});

describe('a training from a folder that pools the first token', () => {
  const [cls, out] = [join(dir, 'cls'), join(dir, 'cls-out')];
  const run = { task: 'similarity' as const, validSplit: 0, epochs: 1, maxLength: 8, batchSize: 2 };
  beforeAll(async () => {
    const made = BertModel.fromConfig(config, 1);
    await made.savePretrained(cls, new BertTokenizer(vocab).files());
    setSentenceSettings(made, { pooling: 'cls', normalize: true, maxLength: 8 });
    await writeSentenceFiles(cls, made);
    await fineTune({ ...run, model: cls, data, out, saveEvery: 1 });
  });

  it('leaves checkpoints whose vectors are made as its own', async () => {
    const [checkpoint] = readdirSync(out).filter((name) => /^checkpoint-[1-9]/.test(name));
    const texts = ['a b c', 'd e'];
    const vectorsOf = async (pooling?: 'cls' | 'mean') =>
      (await embed({ model: join(out, checkpoint), texts, pooling })).vectors;
    const [[own], [first]] = [await vectorsOf(), await vectorsOf('cls')];
    const length = Math.hypot(...first);
    expect(own.length).toBe(first.length);
    for (const [i, value] of first.entries()) expect(own[i]).toBeCloseTo(value / length, 5);
  });

  it('learns from pairs of one score, as far as nothing is validated with them', async () => {
    const positives = join(dir, 'positives.tsv');
    writeFileSync(positives, 'sentence1\tsentence2\tscore\na b\ta c\t1\nd e\td f\t1\n');
    const train = (options: object) =>
      fineTune({ ...run, model: cls, data: positives, out: join(dir, 'positive'), ...options });
    const loss = 'multiple-negatives' as const;
    await expect(train({})).rejects.toThrow(/expected different scores, got 1 only$/);
    await expect(train({ loss, validSplit: 0.5 })).rejects.toThrow(
      /got 1 only; to train on such pairs, set `valid`/,
    );
    await expect(train({ loss, folds: 2, fold: 1 })).rejects.toThrow(/to train on such pairs/);
    const { history } = await train({ loss, valid: data });
    expect(history.steps[0].loss).toBeGreaterThan(0);
    expect(history.epochs[0].validSpearman).toBeDefined();
  });
});
