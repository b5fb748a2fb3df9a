import { modelFiles } from '../../formats/modelFiles.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue } from '../../platform/format.ts';
import type { BertConfig } from '../config.ts';
import type { Checkpoint } from './read.ts';

/** 8 GiB in float32, six times BERT-Large. */
const MAX_PARAMETERS = 2 ** 31;
/** Layers without parameters to speak of cost memory too. */
const MAX_LAYERS = 1000;

/**
 * Refuses a configuration of an impossible size before anything is allocated for it.
 * @throws UsageError naming the sizes.
 */
export function checkParameterCount(config: BertConfig): void {
  const { vocabSize, hiddenSize, numHiddenLayers, intermediateSize } = config;
  const { maxPositionEmbeddings, typeVocabSize, numLabels } = config;
  const rows = vocabSize + maxPositionEmbeddings + typeVocabSize + numLabels;
  const count =
    rows * hiddenSize +
    numHiddenLayers * (4 * hiddenSize * hiddenSize + 2 * hiddenSize * intermediateSize);
  if (numHiddenLayers <= MAX_LAYERS && count <= MAX_PARAMETERS) return;
  throw new UsageError(
    `expected at most ${MAX_LAYERS} layers and ${MAX_PARAMETERS} parameters, got ` +
      `${numHiddenLayers} layers and about ${count.toExponential(1)} parameters (hiddenSize ` +
      `${hiddenSize}, intermediateSize ${intermediateSize}, vocabSize ${vocabSize}, ` +
      `maxPositionEmbeddings ${maxPositionEmbeddings})`,
  );
}

/**
 * Checks that config.json has the sizes of the weights, before a model of these sizes is built.
 * Heads are not checked, since they may be new.
 * @throws UsageError naming the field of config.json and the weight.
 */
export function checkSizes({ config, tensors }: Checkpoint, source: string): void {
  const find = (name: string) => [`bert.${name}`, name].find((full) => tensors.has(full));
  const word = 'embeddings.word_embeddings.weight';
  const position = 'embeddings.position_embeddings.weight';
  const type = 'embeddings.token_type_embeddings.weight';
  const intermediate = 'encoder.layer.0.intermediate.dense.weight';
  const sizes = [
    [word, 0, 'vocab_size', config.vocabSize],
    [word, 1, 'hidden_size', config.hiddenSize],
    [position, 0, 'max_position_embeddings', config.maxPositionEmbeddings],
    [type, 0, 'type_vocab_size', config.typeVocabSize],
    [intermediate, 0, 'intermediate_size', config.intermediateSize],
  ] as const;
  for (const [name, axis, field, size] of sizes) {
    const found = find(name);
    if (found === undefined)
      throw new UsageError(
        `${source}: expected a BERT encoder with ${name}, got ${formatNames([...tensors.keys()])}`,
      );
    const { shape } = tensors.get(found)!;
    if (shape[axis] !== size)
      throw new UsageError(
        `${source}: ${found} is ${formatValue(shape)}, ` +
          `but ${field} in ${modelFiles.config} is ${size}; ` +
          'the two files belong to different models',
      );
  }
  const layers = new Set(
    Array.from(tensors.keys(), (name) => /(?:^|^bert\.)encoder\.layer\.(\d+)\./.exec(name)?.[1]),
  );
  layers.delete(undefined);
  if (layers.size < config.numHiddenLayers)
    throw new UsageError(
      `${source}: expected the weights of ${config.numHiddenLayers} layers ` +
        `(num_hidden_layers in ${modelFiles.config}), got ${layers.size}`,
    );
}
