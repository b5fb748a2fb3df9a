import type { Device } from '../../device/device.ts';
import { Embedding, Module } from '../../nn/index.ts';
import { ArgumentError, UsageError } from '../../platform/errors.ts';
import { type Tensor, tensor } from '../../tensor/index.ts';
import type { Checkpoint } from '../checkpoint/read.ts';
import type { BertConfig } from '../config.ts';

/** Word vectors, named as in BERT. */
export class WordEmbeddings extends Module {
  readonly wordEmbeddings: Embedding;

  constructor({ vocabSize, hiddenSize, padTokenId }: BertConfig) {
    super();
    this.wordEmbeddings = new Embedding(vocabSize, hiddenSize, padTokenId);
  }
}

/** @throws UsageError unless a folder has word vectors of the sizes in its config.json. */
export function checkWordEmbeddings({ tensors, config }: Checkpoint, source: string): void {
  const name = 'embeddings.word_embeddings.weight';
  const shape = (tensors.get(`bert.${name}`) ?? tensors.get(name))?.shape;
  if (shape?.join() !== [config.vocabSize, config.hiddenSize].join())
    throw new UsageError(
      `${source}: ${name}: expected [${config.vocabSize},${config.hiddenSize}] ` +
        `(vocab_size, hidden_size), got ${shape ? `[${shape}]` : 'none'}`,
    );
}

/** @throws ArgumentError for a window of word2vec below 1. */
export function checkWindow(model: string, window: number): void {
  if (!Number.isInteger(window) || window < 1)
    throw new ArgumentError(`${model}: window: expected an integer of at least 1, got ${window}`);
}

/** 1 for pairs of different positions at most `window` apart, else 0: [1, length, length]. */
export function windowMask(length: number, window: number, device: Device): Tensor {
  const inWindow = Float32Array.from({ length: length * length }, (_, i) => {
    const distance = Math.abs(Math.floor(i / length) - (i % length));
    return Number(distance > 0 && distance <= window);
  });
  return tensor(inWindow, { shape: [1, length, length], device });
}
