import { describe, expect, test } from 'vitest';
import {
  bertBase,
  bertConfig,
  bertLarge,
  bertTiny,
  configToJson,
  labelFields,
  parseBertConfig,
} from '../../src/bert/config.ts';
import { UsageError } from '../../src/platform/errors.ts';
import { goldenSets } from '../support/golden.ts';

/** The message of the UsageError that `run` throws. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  return expect.fail('nothing was refused');
}

const parse = (json: unknown) => parseBertConfig(json, 'm/config.json');
const rewrite = (json: unknown, architectures = ['BertModel']) =>
  JSON.parse(configToJson(parse(json), architectures));

describe('bertConfig', () => {
  test('has the defaults of Hugging Face', () => {
    expect(bertConfig()).toEqual({
      vocabSize: 30522,
      hiddenSize: 768,
      numHiddenLayers: 12,
      numAttentionHeads: 12,
      intermediateSize: 3072,
      hiddenAct: 'gelu',
      hiddenDropoutProb: 0.1,
      attentionProbsDropoutProb: 0.1,
      maxPositionEmbeddings: 512,
      typeVocabSize: 2,
      initializerRange: 0.02,
      layerNormEps: 1e-12,
      padTokenId: 0,
      positionEmbeddingType: 'absolute',
      tieWordEmbeddings: true,
      classifierDropout: null,
      problemType: null,
      id2label: { 0: 'LABEL_0', 1: 'LABEL_1' },
      label2id: { LABEL_0: 0, LABEL_1: 1 },
      numLabels: 2,
      extra: {},
    });
    expect(bertConfig(bertBase)).toEqual(bertConfig());
    expect(bertConfig({ ...bertTiny, vocabSize: 30000 })).toMatchObject({
      hiddenSize: 128,
      vocabSize: 30000,
    });
    expect(bertConfig(bertLarge).numHiddenLayers).toBe(24);
    expect(bertConfig({ hiddenSize: undefined }).hiddenSize).toBe(768);
  });

  test('takes a configuration of its own', () => {
    const config = bertConfig({
      ...bertTiny,
      numLabels: 3,
      hiddenAct: 'relu',
      extra: { use_cache: true },
    });
    expect(bertConfig(config)).toEqual(config);
  });

  test('labels come from a number, either map, or both', () => {
    expect(bertConfig({ numLabels: 1 }).id2label).toEqual({ 0: 'LABEL_0' });
    const wanted = labelFields(['no', 'yes', 'constructor', '__proto__']);
    expect(wanted.numLabels).toBe(4);
    expect(Object.entries(wanted.label2id)).toEqual([
      ['no', 0],
      ['yes', 1],
      ['constructor', 2],
      ['__proto__', 3],
    ]);
    for (const given of [wanted, { id2label: wanted.id2label }, { label2id: wanted.label2id }]) {
      const { id2label, label2id, numLabels } = bertConfig(given);
      expect([id2label, Object.entries(label2id), numLabels]).toEqual([
        ...[wanted.id2label, Object.entries(wanted.label2id), 4],
      ]);
    }
    expect(bertConfig({ ...bertConfig(), ...labelFields(['a', 'b', 'c']) }).numLabels).toBe(3);
    expect(refusal(() => labelFields(['a', 'b', 'a']))).toBe(
      'the label "a" occurs twice; labels must differ',
    );
    expect(refusal(() => labelFields('abc' as never))).toBe(
      'labels: expected a list of texts, got "abc"',
    );
  });

  test.each<[Record<string, unknown>, string]>([
    [{ hiddensize: 5 }, 'bertConfig: expected one of the fields vocabSize, hiddenSize,'],
    [{ hiddenSize: 100 }, 'bertConfig: hiddenSize: expected a multiple of numAttentionHeads, 12'],
    [{ hiddenSize: 0 }, 'bertConfig: hiddenSize: expected a whole number, 1 or more'],
    [{ vocabSize: 2.5 }, 'bertConfig: vocabSize: expected a whole number, 1 or more'],
    [{ vocabSize: Number.NaN }, 'bertConfig: vocabSize: expected a whole number, 1 or more'],
    [{ vocabSize: 2 ** 53 }, 'bertConfig: vocabSize: expected a whole number'],
    [{ vocabSize: '7' }, 'bertConfig: vocabSize: expected a whole number, 1 or more'],
    [{ numHiddenLayers: null }, 'bertConfig: numHiddenLayers: expected a whole number'],
    [
      { hiddenDropoutProb: 1 },
      'bertConfig: hiddenDropoutProb: expected a probability, 0 or more and below 1',
    ],
    [
      { attentionProbsDropoutProb: -0.1 },
      'bertConfig: attentionProbsDropoutProb: expected a probability',
    ],
    [{ classifierDropout: 2 }, 'bertConfig: classifierDropout: expected a probability'],
    [{ layerNormEps: 0 }, 'bertConfig: layerNormEps: expected a number above 0'],
    [{ initializerRange: Infinity }, 'bertConfig: initializerRange: expected a number above 0'],
    [
      { padTokenId: 7, vocabSize: 7 },
      'bertConfig: padTokenId: expected a token below vocabSize, 7',
    ],
    [
      { hiddenAct: 'swish' },
      'bertConfig: hiddenAct: expected one of ' +
        'gelu, gelu_python, gelu_new, gelu_pytorch_tanh, relu, tanh',
    ],
    [{ positionEmbeddingType: 'relative_key' }, 'bertConfig: positionEmbeddingType: expected abs'],
    [{ problemType: 'ranking' }, 'bertConfig: problemType: expected one of regression, single'],
    [{ numLabels: 0 }, 'bertConfig: numLabels: expected a whole number, 1 or more'],
    [{ id2label: ['a'] }, 'bertConfig: id2label: expected an object'],
    [
      { id2label: {} },
      'bertConfig: id2label: expected a label (a string) for each class number from 0',
    ],
    [{ id2label: { 0: 'a', 2: 'b' } }, 'bertConfig: id2label: expected a label'],
    [{ id2label: { 0: 'a', one: 'b' } }, 'bertConfig: id2label: expected a label'],
    [{ id2label: { 0: 'a', 1: 1 } }, 'bertConfig: id2label: expected a label'],
    [{ id2label: { 0: 'a', 1: 'a' } }, 'bertConfig: id2label: expected labels that differ'],
    [{ label2id: { a: 0, b: 2 } }, 'bertConfig: label2id: expected the class numbers 0, 1, 2'],
    [{ label2id: { a: '0' } }, 'bertConfig: label2id: expected the class numbers'],
    [
      { id2label: { 0: 'a', 1: 'b' }, label2id: { a: 1, b: 0 } },
      'bertConfig: label2id: expected the inverse of id2label, or none',
    ],
    [
      { id2label: { 0: 'a' }, label2id: { a: 0, b: 1 } },
      'bertConfig: label2id: expected the inverse of id2label, or none',
    ],
    [
      { id2label: { 0: 'a' }, numLabels: 2 },
      'bertConfig: numLabels: expected 1, the number of labels in id2label, or none',
    ],
    [{ extra: 5 }, 'bertConfig: extra: expected an object'],
  ])('refuses %j', (partial, message) => {
    expect(refusal(() => bertConfig(partial))).toContain(message);
  });
});

describe('config.json', () => {
  test('an empty one is the default', () => {
    expect(parse({})).toEqual(bertConfig());
    expect(parse({ model_type: 'bert', num_labels: 5 }).numLabels).toBe(5);
    expect(parse({ id2label: null, label2id: null }).numLabels).toBe(2);
  });

  test.each<[unknown, string]>([
    [[], 'm/config.json: expected a JSON object, got []'],
    [null, 'm/config.json: expected a JSON object, got null'],
    ['x'.repeat(500), `m/config.json: expected a JSON object, got "${'x'.repeat(80)}…"`],
    [
      JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)),
      'm/config.json: expected a JSON object, got',
    ],
    [{ model_type: 'roberta' }, 'm/config.json: model_type: expected "bert"'],
    [{ model_type: null }, 'm/config.json: model_type: expected "bert"'],
    [{ is_decoder: true }, 'm/config.json: is_decoder: expected false (an encoder)'],
    [{ add_cross_attention: true }, 'm/config.json: add_cross_attention: expected false'],
    [{ hidden_size: '768' }, 'm/config.json: hidden_size: expected a whole number, 1 or more'],
    [
      { hidden_size: 770 },
      'm/config.json: hidden_size: expected a multiple of num_attention_heads, 12',
    ],
    [
      { pad_token_id: 30522 },
      'm/config.json: pad_token_id: expected a token below vocab_size, 30522',
    ],
    [{ layer_norm_eps: [1, 2] }, 'm/config.json: layer_norm_eps: expected a number above 0'],
  ])('refuses case %#', (json, message) => {
    expect(refusal(() => parse(json))).toContain(message);
  });

  test('fields it does not know are kept, even ill-named ones', () => {
    const text = `{"use_cache": true, "pooler_fc_size": 768, "hiddenSize": 3,
"extra": {"a": [1, null]},
      "transformers_version": "4.29.2", "__proto__": {"polluted": 1}, "constructor": "c"}`;
    const config = parse(JSON.parse(text));
    expect(config.hiddenSize).toBe(768);
    expect(Object.getPrototypeOf(config.extra)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const written = rewrite(JSON.parse(text));
    for (const [field, value] of Object.entries(JSON.parse(text)))
      expect(Object.entries(written).find(([name]) => name === field)?.[1], field).toEqual(value);
  });

  test('what it says of the weights is written anew', () => {
    const written = rewrite({ torch_dtype: 'float16', dtype: 'bfloat16', architectures: ['Old'] }, [
      'New',
    ]);
    expect(written).toMatchObject({
      torch_dtype: 'float32',
      architectures: ['New'],
      model_type: 'bert',
    });
    expect(written).not.toHaveProperty('dtype');
    expect(written).not.toHaveProperty('num_labels');
  });

  test('is readable, sorted text, and reads back the same', () => {
    const config = bertConfig({
      ...bertTiny,
      ...labelFields(['긍정', '부정', '"\n']),
      classifierDropout: 0,
      problemType: 'multi_label_classification',
      hiddenAct: 'gelu_new',
      extra: { zeta: [1, { a: null }] },
    });
    const text = configToJson(config, ['BertForSequenceClassification']);
    expect(text).toMatch(
      /^\{\n {2}"architectures": \[\n {4}"BertForSequenceClassification"\n {2}\],\n/,
    );
    expect(text).toMatch(/\}\n$/);
    expect(text).toContain('"0": "긍정"');
    expect(Object.keys(JSON.parse(text))).toEqual(Object.keys(JSON.parse(text)).sort());
    expect(parse(JSON.parse(text))).toEqual(config);
  });

  test.each(goldenSets.map((set) => [set.name, set] as const))(
    'what Hugging Face wrote is written back, field by field: %s',
    (_, set) => {
      const counts = {
        regression: 1,
        'sequence-classification': 3,
        'token-classification': 5,
        pretraining: 2,
      };
      for (const [folder, labels] of Object.entries(counts)) {
        const json = JSON.parse(set.text(`tiny-bert/${folder}/config.json`));
        const config = parse(json);
        expect(config).toMatchObject({
          hiddenSize: json.hidden_size,
          numLabels: labels,
          vocabSize: json.vocab_size,
          hiddenDropoutProb: 0,
        });
        expect(config.extra).toEqual({ use_cache: true });
        expect(JSON.parse(configToJson(config, json.architectures))).toMatchObject(json);
      }
    },
  );
});
