import type { LoraConfig } from '../../../nn/lora/loraConfig.ts';
import { checkKeys } from '../../../platform/usage.ts';
import type { BertPreTrainedModel } from '../../pretrainedModel.ts';
import { DEFAULT_ADAPTER, PeftModel } from './peftModel.ts';

/** Where an adapter begins. */
export interface AdapterOptions {
  /** Name of the adapter. Default: default. */
  adapterName?: string;
  /** Seed of its random weights. Default: the global generator. */
  seed?: number;
}

/**
 * Freezes a model and puts a low-rank adapter on its linear layers (PEFT's `get_peft_model`; Hu et
 * al. 2021, arXiv 2106.09685). The model is changed in place: `fit` trains the adapter with it, and
 * its head. Modules that the model's folder lacked are trained and saved too.
 * @throws UsageError if a field is unknown or out of range, or names no linear layer of the model.
 * @example
 * const peft = getPeftModel(model, { r: 8, loraAlpha: 16, targetModules: ['query', 'value'] });
 * await fit(model, examples);
 * await peft.savePretrained('out/adapter', tokenizer.files());
 */
export function getPeftModel<M extends BertPreTrainedModel>(
  model: M,
  config: Partial<LoraConfig> = {},
  options: AdapterOptions = {},
): PeftModel<M> {
  checkKeys(options, ['adapterName', 'seed'], 'option of getPeftModel');
  const { adapterName = DEFAULT_ADAPTER, seed } = options;
  const peft = new PeftModel(model);
  peft.addAdapter(adapterName, config, seed);
  peft.setAdapter(adapterName);
  return peft;
}
