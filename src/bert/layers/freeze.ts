import { UsageError } from '../../platform/errors.ts';
import { CbowEmbeddings } from '../baselines/cbow.ts';
import type { BertPreTrainedModel } from '../pretrainedModel.ts';
import { BertEmbeddings } from './embeddings.ts';
import { BertEncoder } from './encoder.ts';

/**
 * Freezes the embeddings and the lowest `layers` of the encoder (`Module.freeze`), all by default; what stands above them, the
 * pooler too, is trained. With all frozen, the head trains on fixed features (Devlin et al. 2019, §5.3), and a step goes
 * back through the head alone.
 * @throws UsageError when there are fewer layers.
 */
export function freezeEncoder(model: BertPreTrainedModel, layers: number | 'all' = 'all'): void {
  for (const module of model.modules()) {
    if (module instanceof BertEmbeddings || module instanceof CbowEmbeddings) module.freeze();
    if (!(module instanceof BertEncoder)) continue;
    const count = layers === 'all' ? module.layer.length : layers;
    if (count > module.layer.length)
      throw new UsageError(
        `${count} layers cannot be frozen: the model has ${module.layer.length}; give that many at most, or all`,
      );
    for (const layer of module.layer.slice(0, count)) layer.freeze();
  }
}
