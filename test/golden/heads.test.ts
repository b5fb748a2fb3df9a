import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { openDevice } from '../../src/device/open.ts';
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
import { goldenCases, ownSet } from '../support/golden.ts';
import { distance, goldenInputs, readGolden, tinyBert } from '../support/goldenBert.ts';

const webgpu = await tryWebGpu();
const wasm = await openDevice('wasm', { threads: 2 });
afterAll(() => {
  webgpu?.destroy();
  wasm.destroy();
});

describe.each(
  goldenCases<Device | undefined>([
    ['cpu', new CpuDevice()],
    ['webgpu', webgpu],
    ['wasm', wasm],
  ]),
)('heads: %s', (_, set, device) => {
  const outputs = readGolden(set, 'outputs');
  const grads = readGolden(set, 'grads');
  const here = it.skipIf(!device);
  const { load, main, masked } = goldenInputs(set, device!);
  const near = async (actual: Tensor, name: string) =>
    expect(await distance(actual, outputs.get(name)!), name).toBeLessThan(1e-5);
  const pretraining = () => {
    setDevice(device!);
    return BertForPreTraining.fromPretrained(tinyBert(set, 'pretraining'));
  };
  /** Compares every gradient; the large set has none for some heads. */
  const nearGrads = async (model: nn.Module, prefix: string) => {
    const expected = [...grads.keys()].filter((name) => name.startsWith(`${prefix}/`));
    if (expected.length === 0 && set !== ownSet) return;
    const named = model.namedParameters();
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
    const folder = tinyBert(set, 'pretraining');
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
      tinyBert(set, 'sequence-classification'),
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
    const model = await BertForSequenceClassification.fromPretrained(tinyBert(set, 'regression'));
    const out = model.forward({ ...main(), labels: load('regression_labels') });
    await near(out.logits, 'regression/logits');
    await near(out.loss!, 'regression/loss');
    backward(out.loss!);
    await nearGrads(model, 'regression');
  });

  here('token classification', async () => {
    setDevice(device!);
    const model = await BertForTokenClassification.fromPretrained(
      tinyBert(set, 'token-classification'),
    );
    const out = model.forward({ ...main(), labels: load('token_labels') });
    await near(out.logits, 'tokcls/logits');
    await near(out.loss!, 'tokcls/loss');
    backward(out.loss!);
    await nearGrads(model, 'tokcls');
  });

  here('question answering, a position beyond the text ignored', async () => {
    setDevice(device!);
    const model = await BertForQuestionAnswering.fromPretrained(
      tinyBert(set, 'question-answering'),
    );
    const endPositions = load('end_positions');
    const out = model.forward({ ...main(), startPositions: load('start_positions'), endPositions });
    await near(out.startLogits, 'qa/start_logits');
    await near(out.endLogits, 'qa/end_logits');
    await near(out.loss!, 'qa/loss');
    backward(out.loss!);
    await nearGrads(model, 'qa');
    const [, ...others] = (await load('start_positions').tolist()) as number[];
    const [, length] = main().inputIds.shape;
    for (const beyond of [length, length + 1, 1_000_000]) {
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
    const model = await BertForMultipleChoice.fromPretrained(tinyBert(set, 'multiple-choice'));
    const given = {
      inputIds: load('choice_input_ids'),
      attentionMask: load('choice_attention_mask'),
    };
    const out = model.forward({ ...given, labels: load('choice_labels') });
    await near(out.logits, 'choice/logits');
    await near(out.loss!, 'choice/loss');
    backward(out.loss!);
    await nearGrads(model, 'choice');
  });
});
