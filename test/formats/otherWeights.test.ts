import { describe, expect, test } from 'vitest';
import { findOtherWeights } from '../../src/formats/otherWeights.ts';

describe('weights in another format', () => {
  test.each<[string[], string, RegExp]>([
    [
      ['pytorch_model.bin'],
      'pytorch_model.bin, a pickle',
      /^if you trust it, make a .*glob\('pyto/,
    ],
    [['pytorch_model-00001-of-00002.bin'], 'a pickle', /glob\('pytorch_model\*\.bin'\)/],
    [['best.pt'], 'best.pt, a pickle', /glob\('best\.pt'\)/],
    [
      ['tf_model.h5'],
      "tf_model.h5, TensorFlow's",
      /with tensorflow.*from_tf=True.*save_pretrained/,
    ],
    [['flax_model.msgpack'], 'Flax', /with flax.*from_flax=True.*save_pretrained/],
    [['bert_model.ckpt.index'], 'TensorFlow 1', /'bert_model\.ckpt\.index'.*bert_config\.json/],
    [['bert_model.ckpt.meta'], 'TensorFlow 1', /'bert_model\.ckpt\.index', from_tf=True/],
    [['model.ckpt-9.data-00000-of-00001'], 'TensorFlow 1', /'model\.ckpt-9\.index'/],
    [['x.ckpt.index', 'config.json'], 'TensorFlow 1', /from_json_file\('config\.json'\)/],
    [['model.onnx'], 'model.onnx, a format for running', /^give the model that it was made from/],
    [['openvino_model.bin'], 'openvino_model.bin, a format for running', /^give the model/],
    [['model.gguf'], 'model.gguf, a format for running', /^give the model/],
    [['adapter_model.safetensors'], 'an adapter of PEFT', /merge_and_unload/],
    [['model-00001-of-00002.safetensors'], 'without model.safetensors.index.json', /download/],
    [['model.fp16.safetensors'], 'a name that is not looked for', /rename/],
  ])('%j gets its advice', (names, description, advice) => {
    const found = findOtherWeights(names)!;
    expect(found.description).toContain(description);
    expect(found.advice).toMatch(advice);
    expect(`${found.description}${found.advice}`).not.toContain('\n');
  });

  test.each([
    [[]],
    [['config.json', 'vocab.txt', 'README.md']],
    [
      [
        'optimizer.pt',
        'scheduler.pt',
        'rng_state.pth',
        'training_args.bin',
        'optimizer.safetensors',
      ],
    ],
    [["'; rm x; '.pt"]],
  ])('%j has none', (names) => {
    expect(findOtherWeights(names)).toBeUndefined();
  });
});
