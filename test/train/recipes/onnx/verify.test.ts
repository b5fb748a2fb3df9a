import { InferenceSession } from 'onnxruntime-web';
import { expect, it, vi } from 'vitest';
import { exportOnnx } from '../../../../src/bert/checkpoint/onnx/exportOnnx.ts';
import { bertConfig } from '../../../../src/bert/config.ts';
import { BertForMaskedLM } from '../../../../src/bert/heads/maskedLM.ts';
import { BertForMultipleChoice } from '../../../../src/bert/heads/multipleChoice.ts';
import { BertModel } from '../../../../src/bert/model.ts';
import { BertTokenizer } from '../../../../src/text/tokenizer/index.ts';
import { verifyOnnx } from '../../../../src/train/recipes/onnx/verify.ts';

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'abcdefgh'];
const config = bertConfig({
  ...{ vocabSize: vocab.length, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2 },
  ...{ intermediateSize: 8, maxPositionEmbeddings: 16 },
});

it.each([
  ['a model', BertModel.fromConfig(config, 1), false],
  ['one with a head', BertForMaskedLM.fromConfig(config, 1), false],
  ['one that cannot be run', BertForMultipleChoice.fromConfig(config, 1), true],
] as const)('frees what onnxruntime holds of %s', async (_, model, fails) => {
  const create = InferenceSession.create.bind(InferenceSession);
  const released = vi.fn();
  vi.spyOn(InferenceSession, 'create').mockImplementation(async (file: Uint8Array) => {
    const session = await create(file);
    vi.spyOn(session, 'release').mockImplementation(async () => released());
    if (fails) vi.spyOn(session, 'run').mockRejectedValue(new Error('cannot run'));
    return session;
  });
  const verified = verifyOnnx(await exportOnnx(model.eval()), model, new BertTokenizer(vocab));
  if (fails) await expect(verified).rejects.toThrow('cannot run');
  else expect((await verified)!.texts).toBe(100);
  expect(released).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
});
