import { modelFiles } from '../../../formats/modelFiles.ts';
import { streamSafetensors, type TensorToStream } from '../../../formats/safetensors/file.ts';
import type { LoraConfig } from '../../../nn/lora/loraConfig.ts';
import type { FileContent } from '../../../platform/atomicWrite.ts';
import type { Tensor } from '../../../tensor/index.ts';
import { adapterConfigToJson } from './config.ts';
import { PREFIX } from './read.ts';

/**
 * The files of an adapter that Python's peft reads. Weights are fetched while their file is read.
 * @param tensors by PEFT's names, without what these begin with
 */
export function adapterFiles(
  config: LoraConfig,
  architecture: string,
  tensors: Iterable<[string, Tensor]>,
): Record<string, FileContent> {
  const weights = Array.from(tensors, ([name, tensor]): [string, TensorToStream] => {
    const data = () => tensor.data() as Promise<Float32Array>;
    return [`${PREFIX}${name}`, { dtype: 'F32', shape: tensor.shape, data }];
  });
  return {
    [modelFiles.adapterConfig]: adapterConfigToJson(config, architecture),
    [modelFiles.adapterWeights]: streamSafetensors(weights),
  };
}
