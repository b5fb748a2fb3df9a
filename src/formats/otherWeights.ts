import { modelFiles } from './modelFiles.ts';

/** Weights that a folder or a repository has in another format than safetensors. */
export interface OtherWeights {
  /** Names the files, and says what they are. */
  description: string;
  /** What to do about them; in a folder, in Python run inside it. */
  advice: string;
  /** Options of Python's `from_pretrained` that read them; undefined if it cannot. */
  loadOptions?: string;
  /** Whether the advice is for a folder with `OLD_CONFIG` alone. */
  needsOldConfig?: boolean;
}

const python = (code: string) => `python3 -c "${code}"`;
const save = "save_pretrained('.', safe_serialization=True)";
const makeWeights = (code: string, needs = '') =>
  `make a ${modelFiles.weights} in that folder${needs}: ${python(code)}`;
/** Transformers 5 no longer reads TensorFlow and Flax. */
const needs = (framework: string) => ` (with ${framework} and transformers 4 installed)`;

/** `contiguous().clone()` separates tensors that safetensors refuses because they share memory. */
const convertPickle = (pattern: string) =>
  'import torch; from safetensors.torch import save_file; from glob import glob; ' +
  `w = {k: v for f in glob('${pattern}') ` +
  "for k, v in torch.load(f, map_location='cpu', weights_only=True).items()}; " +
  `save_file({k: v.contiguous().clone() for k, v in w.items()}, '${modelFiles.weights}', ` +
  "{'format': 'pt'})";
const fromPretrained = (option: string) =>
  "import transformers as t; getattr(t, t.AutoConfig.from_pretrained('.').architectures[0])" +
  `.from_pretrained('.', ${option}).${save}`;

const PICKLE = 'a pickle, which can run any code when read';
const IF_TRUSTED = 'if you trust it, ';

interface Format {
  pattern: RegExp;
  describe: (match: RegExpExecArray, names: readonly string[]) => OtherWeights;
}

/** The first that matches is reported. Names in commands are plain: patterns allow no quotes. */
const formats: readonly Format[] = [
  {
    pattern: /^pytorch_model[\w.-]*\.bin$/,
    describe: () => ({
      description: `pytorch_model.bin, ${PICKLE}`,
      advice: IF_TRUSTED + makeWeights(convertPickle('pytorch_model*.bin')),
      loadOptions: '',
    }),
  },
  {
    pattern: /^tf_model[\w.-]*\.h5$/,
    describe: ([file]) => ({
      description: `${file}, TensorFlow's format`,
      advice: makeWeights(fromPretrained('from_tf=True'), needs('tensorflow')),
      loadOptions: 'from_tf=True',
    }),
  },
  {
    pattern: /^flax_model[\w.-]*\.msgpack$/,
    describe: ([file]) => ({
      description: `${file}, Flax's format`,
      advice: makeWeights(fromPretrained('from_flax=True'), needs('flax')),
      loadOptions: 'from_flax=True',
    }),
  },
  {
    pattern: /^(\w[\w.-]*?)\.(?:index|meta|data-\d+-of-\d+)$/,
    describe: ([file, name], names) => ({
      description: `${file}, a checkpoint of TensorFlow 1, as Google released BERT`,
      advice: makeWeights(
        `import transformers as t; t.BertForPreTraining.from_pretrained('${name}.index', ` +
          'from_tf=True, config=t.BertConfig.from_json_file(' +
          `'${names.includes(modelFiles.config) ? modelFiles.config : OLD_CONFIG}')).${save}`,
        needs('tensorflow'),
      ),
      needsOldConfig: true,
    }),
  },
  {
    pattern: /^adapter_model\.(safetensors|bin)$/,
    describe: ([file]) => ({
      description: `${file}, an adapter of PEFT, which changes another model`,
      advice: "merge the two in Python: model.merge_and_unload().save_pretrained('merged')",
    }),
  },
  {
    pattern: /^model-\d+-of-\d+\.safetensors$/,
    describe: ([file]) => ({
      description: `parts such as ${file} without ${modelFiles.weightsIndex}`,
      advice: `download ${modelFiles.weightsIndex} too`,
    }),
  },
  {
    pattern: /^\w[\w.-]*\.safetensors$/,
    describe: ([file]) => ({
      description: `${file}, a name that is not looked for`,
      advice: `rename it to ${modelFiles.weights}`,
    }),
  },
  {
    pattern: /^(?!openvino)[\w.-]+\.(?:pt|pth|bin|ckpt)$/,
    describe: ([file]) => ({
      description: `${file}, ${PICKLE}`,
      advice: IF_TRUSTED + makeWeights(convertPickle(file)),
    }),
  },
  {
    pattern: /^(?:onnx|openvino[\w.-]*|\w[\w.-]*\.(?:onnx|tflite|gguf|ot|pb|ml\w+|h5))$/,
    describe: ([file]) => ({
      description: `${file}, a format for running a model in one program only`,
      advice: `give the model that it was made from, with its ${modelFiles.weights}`,
    }),
  },
];

/** The name of config.json in Google's releases. */
export const OLD_CONFIG = 'bert_config.json';

/** What training keeps beside the weights. */
const TRAINING_STATE = /^(optimizer|scheduler|scaler|rng_state|training)/;

/** Weights in another format among the names of a folder; undefined if there are none. */
export function findOtherWeights(names: readonly string[]): OtherWeights | undefined {
  const candidates = names.filter((name) => !TRAINING_STATE.test(name));
  for (const { pattern, describe } of formats)
    for (const name of candidates) {
      const match = pattern.exec(name);
      if (match) return describe(match, candidates);
    }
  return undefined;
}
