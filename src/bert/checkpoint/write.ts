import { modelFiles } from '../../formats/modelFiles.ts';
import { toFloat16 } from '../../formats/safetensors/dtypes.ts';
import { streamSafetensors, type TensorToStream } from '../../formats/safetensors/file.ts';
import { type FileContent, writeFiles } from '../../platform/atomicWrite.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { type BertConfig, configToJson, type TorchDtype, torchDtypes } from '../config.ts';

/** A weight whose data are fetched when they are written. */
export interface WeightToSave {
  shape: readonly number[];
  data: () => Promise<Float32Array>;
}

/**
 * Writes `checkpointFiles` and `extraFiles` (content by name: vocab.txt…). After a crash the folder
 * is the old one or the new one (`writeFiles`).
 * @throws UsageError as `checkpointFiles`, or when the folder cannot be written to.
 */
export const writeCheckpoint = (
  dir: string,
  config: BertConfig,
  architectures: readonly string[],
  tensors: Iterable<readonly [string, WeightToSave]>,
  extraFiles: Readonly<Record<string, FileContent>> = {},
  torchDtype?: TorchDtype,
): Promise<void> =>
  writeFiles(dir, {
    ...extraFiles,
    ...checkpointFiles(config, architectures, tensors, torchDtype),
  });

/**
 * The files of a folder that Python's `from_pretrained` loads: config.json and the weights, which
 * are fetched while they are written.
 * @throws UsageError for another `torchDtype`; while the weights are fetched, naming a weight that
 * is NaN or too large for float16.
 */
export function checkpointFiles(
  config: BertConfig,
  architectures: readonly string[],
  tensors: Iterable<readonly [string, WeightToSave]>,
  torchDtype: TorchDtype = 'float32',
): Record<string, FileContent> {
  if (!torchDtypes.includes(torchDtype))
    throw new UsageError(
      `\`torchDtype\`: expected ${torchDtypes.join(' or ')}, got ${formatValue(torchDtype)}`,
    );
  const weights = Array.from(tensors, ([name, { shape, data }]): [string, TensorToStream] => {
    const float16Bytes = async () => new Uint8Array(toFloat16(await data(), name).buffer);
    return [
      name,
      torchDtype === 'float16'
        ? { dtype: 'F16', shape, data: float16Bytes }
        : { dtype: 'F32', shape, data },
    ];
  });
  return {
    [modelFiles.config]: configToJson(config, architectures, torchDtype),
    [modelFiles.weights]: streamSafetensors(weights),
  };
}
