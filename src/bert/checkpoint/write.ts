import { modelFiles } from '../../formats/modelFiles.ts';
import { toFloat16 } from '../../formats/safetensors/dtypes.ts';
import { streamSafetensors, type TensorToStream } from '../../formats/safetensors/file.ts';
import { UsageError } from '../../platform/errors.ts';
import { type FileContent, writeFiles } from '../../platform/files.ts';
import { formatValue } from '../../platform/format.ts';
import { type BertConfig, configToJson, type TorchDtype, torchDtypes } from '../config.ts';

/** A weight whose data are fetched when they are written. */
export interface WeightToSave {
  shape: readonly number[];
  data: () => Promise<Float32Array>;
}

/**
 * Writes a folder that Python's `from_pretrained` loads: config.json, the weights and `extraFiles`
 * (content by name: vocab.txt…). After a crash the folder is the old one or the new one
 * (`writeFiles`).
 * @throws UsageError when the folder cannot be written to, or naming a weight that is NaN or too
 * large for float16.
 */
export async function writeCheckpoint(
  dir: string,
  config: BertConfig,
  architectures: readonly string[],
  tensors: Iterable<readonly [string, WeightToSave]>,
  extraFiles: Readonly<Record<string, FileContent>> = {},
  torchDtype: TorchDtype = 'float32',
): Promise<void> {
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
  await writeFiles(dir, {
    ...extraFiles,
    [modelFiles.config]: configToJson(config, architectures, torchDtype),
    [modelFiles.weights]: streamSafetensors(weights),
  });
}
