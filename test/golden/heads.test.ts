import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from '../../src/entries/bert.ts';
import { backward, type nn, setDevice, type Tensor } from '../../src/index.ts';
import { tryWebGpu } from '../support/devices.ts';
import { hasGolden } from '../support/golden.ts';
import { distance, goldenInputs, readGolden, tinyBert } from '../support/goldenBert.ts';

const outputs = readGolden('outputs');
const grads = readGolden('grads');
const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

describe.skipIf(!hasGolden).each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('heads on %s', (_, device) => {
  const here = it.skipIf(!device);
  const { load, main, masked } = goldenInputs(device!);
  const near = async (actual: Tensor, name: string) =>
    expect(await distance(actual, outputs.get(name)!), name).toBeLessThan(1e-5);
  const pretraining = () => {
    setDevice(device!);
    return BertForPreTraining.fromPretrained(tinyBert('pretraining'));
  };
  const nearGrads = async (model: nn.Module, prefix: string) => {
    const named = model.namedParameters();
    const expected = [...grads.keys()].filter((name) => name.startsWith(`${prefix}/`));
    expect(named.map(([name]) => `${prefix}/${name}`).sort()).toEqual(expected.sort());
    for (const [name, { grad }] of named)
      expect(await distance(grad!, grads.get(`${prefix}/${name}`)!), name).toBeLessThan(1e-5);
  };
  afterEach(() => setDevice(new CpuDevice()));

  const pretrainingLabels = async (where: 'device' | 'host') => {
    const [labels, nextSentenceLabel] = [load('mlm_labels'), load('nsp_labels')];
    if (where === 'device') return { labels, nextSentenceLabel };
    return {
      labels: (await labels.tolist()) as number[][],
      nextSentenceLabel: (await nextSentenceLabel.tolist()) as number[],
    };
  };
  here.each(['device', 'host'] as const)(
    'pre-training, with every gradient; labels on the %s',
    async (where) => {
      const model = await pretraining();
      const out = model.forward({ ...masked(), ...(await pretrainingLabels(where)) });
      await near(out.loss!, 'pretraining/loss');
      backward(out.loss!);
      await nearGrads(model, 'pretraining');
      await near(out.predictionLogits, 'pretraining/prediction_logits');
      await near(out.seqRelationshipLogits, 'pretraining/seq_relationship_logits');
    },
  );

  here('masked language model and next sentence, from the folder of both', async () => {
    setDevice(device!);
    const folder = tinyBert('pretraining');
    const mlm = await BertForMaskedLM.fromPretrained(folder);
    const predicted = mlm.forward({ ...masked(), labels: load('mlm_labels') });
    await near(predicted.loss!, 'mlm/loss');
    await near(predicted.logits, 'pretraining/prediction_logits');
    const nsp = await BertForNextSentencePrediction.fromPretrained(folder);
    const related = nsp.forward({ ...masked(), labels: load('nsp_labels') });
    await near(related.loss!, 'nsp/loss');
    await near(related.logits, 'pretraining/seq_relationship_logits');
  });

  here('sequence classification, with every gradient', async () => {
    setDevice(device!);
    const model = await BertForSequenceClassification.fromPretrained(
      tinyBert('sequence-classification'),
    );
    const multi = model.forward({ ...main(), labels: load('multilabel_labels') });
    await near(multi.loss!, 'multilabel/loss');
    const out = model.forward({ ...main(), labels: load('seqcls_labels') });
    await near(out.logits, 'seqcls/logits');
    await near(out.loss!, 'seqcls/loss');
    backward(out.loss!);
    await nearGrads(model, 'seqcls');
  });

  here('regression', async () => {
    setDevice(device!);
    const model = await BertForSequenceClassification.fromPretrained(tinyBert('regression'));
    const out = model.forward({ ...main(), labels: load('regression_labels') });
    await near(out.logits, 'regression/logits');
    await near(out.loss!, 'regression/loss');
  });

  here('token classification', async () => {
    setDevice(device!);
    const model = await BertForTokenClassification.fromPretrained(tinyBert('token-classification'));
    const out = model.forward({ ...main(), labels: load('token_labels') });
    await near(out.logits, 'tokcls/logits');
    await near(out.loss!, 'tokcls/loss');
  });

  here('question answering, a position beyond the text ignored', async () => {
    setDevice(device!);
    const model = await BertForQuestionAnswering.fromPretrained(tinyBert('question-answering'));
    const endPositions = load('end_positions');
    const out = model.forward({ ...main(), startPositions: load('start_positions'), endPositions });
    await near(out.startLogits, 'qa/start_logits');
    await near(out.endLogits, 'qa/end_logits');
    await near(out.loss!, 'qa/loss');
    const [, ...others] = (await load('start_positions').tolist()) as number[];
    for (const beyond of [24, 25, 1_000_000]) {
      const { loss } = model.forward({
        ...main(),
        startPositions: [beyond, ...others],
        endPositions,
      });
      await near(loss!, 'qa/loss_first_start_out_of_range');
    }
  });

  here('multiple choice', async () => {
    setDevice(device!);
    const model = await BertForMultipleChoice.fromPretrained(tinyBert('multiple-choice'));
    const given = {
      inputIds: load('choice_input_ids'),
      attentionMask: load('choice_attention_mask'),
    };
    const out = model.forward({ ...given, labels: load('choice_labels') });
    await near(out.logits, 'choice/logits');
    await near(out.loss!, 'choice/loss');
  });
});
