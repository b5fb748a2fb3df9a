import { InferenceSession, Tensor } from 'onnxruntime-web';
import { beforeAll, describe, expect, it } from 'vitest';
import { exportOnnx } from '../../../src/bert/checkpoint/onnx/exportOnnx.ts';
import type { WeightDtype } from '../../../src/bert/checkpoint/torchDtype.ts';
import { type BertConfig, bertConfig, labelFields } from '../../../src/bert/config.ts';
import { getPeftModel } from '../../../src/bert/layers/lora/getPeftModel.ts';
import { BertModel } from '../../../src/bert/model.ts';
import type { BertPreTrainedModel } from '../../../src/bert/pretrainedModel.ts';
import { architectures } from '../../../src/bert/registry.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { StateError } from '../../../src/platform/errors.ts';
import { noGrad, setDevice, type Tensor as WigbertTensor } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';

beforeAll(() => setDevice(new CpuDevice()));

type Entry = (typeof architectures)[number];

function modelOf({ Model, head }: Entry, changes: Partial<BertConfig> = {}) {
  const labels = head === 'question-answering' ? ['start', 'end'] : ['a', 'b', 'c'];
  const config = bertConfig({
    ...{ vocabSize: 40, hiddenSize: 16, numHiddenLayers: 2, numAttentionHeads: 2 },
    ...{ intermediateSize: 32, maxPositionEmbeddings: 24, initializerRange: 0.2 },
    ...(Model.isDecoder === true && { isDecoder: true }),
    ...labelFields(labels),
    ...changes,
  });
  return (Model as { fromConfig(c: object, seed: number): BertPreTrainedModel })
    .fromConfig(config, 3)
    .eval();
}

/** Texts of these lengths, padded on one side. */
function batch(lengths: readonly number[], side: 'left' | 'right', choices: number) {
  const random = new Philox(lengths.length);
  const longest = Math.max(...lengths);
  const rows = lengths.flatMap((length) => Array<number>(choices).fill(length));
  const of = (value: (i: number, length: number) => number) =>
    rows.flatMap((length) => {
      const text = Array.from({ length }, (_, i) => value(i, length));
      const padding = Array<number>(longest - length).fill(0);
      return side === 'left' ? [...padding, ...text] : [...text, ...padding];
    });
  return {
    dims: choices > 1 ? [lengths.length, choices, longest] : [lengths.length, longest],
    inputs: {
      input_ids: of(() => random.randint(40)),
      attention_mask: of(() => 1),
      token_type_ids: of((i, length) => Number(i > length / 2)),
    },
  };
}

const camel = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
const nest = (flat: number[], [first, ...rest]: number[]): unknown =>
  rest.length === 0
    ? flat
    : Array.from({ length: first }, (_, i) => {
        const size = flat.length / first;
        return nest(flat.slice(i * size, (i + 1) * size), rest);
      });

/** Largest difference of the outputs on single texts, padded batches and the longest text. */
async function difference(model: BertPreTrainedModel, choices: number, dtype: WeightDtype) {
  const session = await InferenceSession.create(await exportOnnx(model, { dtype }));
  let worst = 0;
  const batches = [
    [[5], 'right'],
    [[4, 9, 2], 'left'],
    [[24, 1], 'right'],
  ] as const;
  for (const [lengths, side] of batches) {
    const { inputs, dims } = batch(lengths, side, choices);
    const feeds = Object.entries(inputs).map(([name, values]) => {
      return [name, new Tensor('int64', BigInt64Array.from(values, BigInt), dims)];
    });
    const theirs = await session.run(Object.fromEntries(feeds));
    const given = Object.entries(inputs).map(([name, values]) => [camel(name), nest(values, dims)]);
    const ours = noGrad(() =>
      (model as unknown as { forward(x: object): Record<string, WigbertTensor> }).forward(
        Object.fromEntries(given),
      ),
    );
    for (const name of session.outputNames) {
      const expected = ours[camel(name)];
      expect(theirs[name].dims).toEqual(expected.shape);
      const data = await expected.data();
      for (const [i, value] of (theirs[name].data as Float32Array).entries()) {
        const apart = Math.abs(value - data[i]);
        // NaN stays.
        worst = Math.max(worst, apart);
      }
    }
  }
  return worst;
}

const choicesOf = ({ head }: Entry) => (head === 'multiple-choice' ? 3 : 1);

describe.each(architectures)('$Model.architecture as ONNX', (entry) => {
  it('has the outputs of the model in onnxruntime', async () => {
    const model = modelOf(entry);
    const choices = choicesOf(entry);
    expect(await difference(model, choices, 'float32')).toBeLessThan(1e-5);
  });
});

/** One of each family, and each kind of product. */
const samples = architectures.filter(({ Model }) =>
  [
    ...['BertForPreTraining', 'BertForMultipleChoice', 'CbowForSequenceClassification'],
    ...['BertBiLMHeadModel', 'BiLstmForSequenceClassification'],
  ].includes(Model.architecture),
);
describe.each(samples)('$Model.architecture in fewer bits', (entry) => {
  it('has nearly the outputs of the model', async () => {
    const model = modelOf(entry);
    expect(await difference(model, choicesOf(entry), 'float16')).toBeLessThan(0.05);
    expect(await difference(model, choicesOf(entry), 'int8')).toBeLessThan(0.6);
  });
});

it.each(['gelu_new', 'relu'] as const)('knows the activation %s', async (hiddenAct) => {
  const entry = architectures.find(({ head }) => head === 'masked-lm')!;
  expect(await difference(modelOf(entry, { hiddenAct }), 1, 'float32')).toBeLessThan(1e-5);
});

it('has the mask of a backbone that is a decoder', async () => {
  const entry = architectures.find(({ Model }) => Model.architecture === 'BertBackbone')!;
  expect(await difference(modelOf(entry, { isDecoder: true }), 1, 'float32')).toBeLessThan(1e-5);
});

describe('sizes and refusals', () => {
  const wide = () =>
    BertModel.fromConfig(
      bertConfig({
        ...{ vocabSize: 2000, hiddenSize: 64, numHiddenLayers: 1, numAttentionHeads: 2 },
        ...{ intermediateSize: 256, maxPositionEmbeddings: 16 },
      }),
    );

  it('float16 takes half the bytes, int8 a quarter', async () => {
    const model = wide();
    const sizes: number[] = [];
    for (const dtype of ['float32', 'float16', 'int8'] as const)
      sizes.push((await exportOnnx(model, { dtype })).length);
    expect(sizes[1] / sizes[0]).toBeLessThan(0.52);
    expect(sizes[2] / sizes[0]).toBeLessThan(0.31);
  });

  it('names dtypes and architectures that there are', async () => {
    const model = wide();
    await expect(exportOnnx(model, { dtype: 'int4' as 'int8' })).rejects.toThrow(
      '`dtype`: expected one of float32, float16, int8, got "int4"',
    );
  });

  it('are of a model without adapters', async () => {
    const model = wide();
    getPeftModel(model, { r: 2, targetModules: ['query'] });
    const exported = exportOnnx(model);
    await expect(exported).rejects.toThrow(StateError);
    await expect(exported).rejects.toThrow(/merge them into it first with `mergeAndUnload`/);
  });
});
