import { modelFiles } from '../../formats/modelFiles.ts';
import { toFloat16 } from '../../formats/safetensors/dtypes.ts';
import { streamSafetensors, type TensorToStream } from '../../formats/safetensors/file.ts';
import { type FileContent, writeFiles } from '../../platform/atomicWrite.ts';
import { StateError, UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { joinBytes } from '../../platform/joinBytes.ts';
import { type BertConfig, configToJson } from '../config.ts';
import { int8Tensors, isStoredInt8 } from './int8Weights.ts';
import { type WeightDtype, weightDtypes } from './torchDtype.ts';

/** A weight whose data are fetched when they are written. */
export interface WeightToSave {
  shape: readonly number[];
  data: () => Promise<Float32Array>;
}

/**
 * The files of a folder that Python's `from_pretrained` loads: config.json, the weights and
 * `extraFiles` (content by name: vocab.txt…). Weights are fetched while their file is read.
 * @throws UsageError for an unknown dtype; StateError if the weights are those of a model with
 * adapters; reading throws SafetensorsError naming a weight that is
 * NaN or too large for float16.
 */
export function checkpointFiles(
  config: BertConfig,
  architectures: readonly string[],
  tensors: Iterable<readonly [string, WeightToSave]>,
  extraFiles: Readonly<Record<string, FileContent>> = {},
  torchDtype: WeightDtype = 'float32',
): Record<string, FileContent> {
  if (!weightDtypes.includes(torchDtype))
    throw new UsageError(
      `\`torchDtype\`: expected one of ${weightDtypes.join(', ')}, got ${formatValue(torchDtype)}`,
    );
  const given = [...tensors];
  checkNoAdapters(given.map(([name]) => name));
  const weights = given.flatMap(([name, { shape, data }]): [string, TensorToStream][] => {
    if (torchDtype === 'int8' && isStoredInt8(name, shape)) return int8Tensors(name, shape, data);
    const float16Bytes = async () => new Uint8Array(toFloat16(await data(), name).buffer);
    const tensor: TensorToStream =
      torchDtype === 'float16'
        ? { dtype: 'F16', shape, data: float16Bytes }
        : { dtype: 'F32', shape, data };
    return [[name, tensor]];
  });
  return {
    ...extraFiles,
    [modelFiles.config]: configToJson(config, architectures, torchDtype),
    [modelFiles.weights]: streamSafetensors(weights),
  };
}

/**
 * Writes `checkpointFiles` into a folder. After a crash the folder is the old one or the new one
 * (`writeFiles`).
 * @throws UsageError when the folder cannot be written to; and as `checkpointFiles`.
 */
export const writeCheckpoint = (
  dir: string,
  ...args: Parameters<typeof checkpointFiles>
): Promise<void> => writeFiles(dir, checkpointFiles(...args));

/** The bytes of a file's content. */
export async function contentBytes(content: FileContent): Promise<Uint8Array> {
  if (typeof content === 'string') return new TextEncoder().encode(content);
  if (content instanceof Uint8Array) return content;
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return joinBytes(pieces);
}

/** @throws StateError for names of weights among which adapters have theirs. */
export function checkNoAdapters(names: readonly string[]): void {
  if (names.some((name) => name.includes('.lora_A.')))
    throw new StateError(
      'the model has adapters: save these with `savePretrained` of its PeftModel, ' +
        'or merge them into it first with `mergeAndUnload`',
    );
}
