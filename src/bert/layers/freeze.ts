import { UsageError } from '../../platform/errors.ts';
import type { BertPreTrainedModel } from '../pretrainedModel.ts';

/**
 * Freezes the embeddings and the lowest `layers` of each encoder (`Module.freeze`), all of them by
 * default. What is above stays trainable, the pooler included. With every layer frozen, the head
 * trains on fixed features (Devlin et al. 2019, §5.3), and the backward pass ends at the head.
 * @throws UsageError when the model does not have that many layers.
 * @example
 * freezeEncoder(model); // train only the head
 * freezeEncoder(model, 2); // freeze the embeddings and the two lowest layers
 */
export function freezeEncoder(model: BertPreTrainedModel, layers: number | 'all' = 'all'): void {
  const { embeddings, encoders } = model.freezableParts;
  embeddings.freeze();
  for (const encoder of encoders) {
    const count = layers === 'all' ? encoder.length : layers;
    if (!(Number.isInteger(count) && count >= 0 && count <= encoder.length))
      throw new UsageError(
        `\`freeze\`: expected at most ${encoder.length}, the number of layers, or 'all', ` +
          `got ${count}`,
      );
    for (const layer of encoder.slice(0, count)) layer.freeze();
  }
}
