import { modelFiles } from '../../formats/modelFiles.ts';
import { type ModelFolder, type ModelSource, openModelFolder } from '../../formats/modelFolder.ts';
import { float32Decoder, SafetensorsError } from '../../formats/safetensors/dtypes.ts';
import { dataOffset, parseHeader } from '../../formats/safetensors/header.ts';
import { UsageError } from '../../platform/errors.ts';
import { joinPath, openRandomAccess, readJson } from '../../platform/files.ts';
import { formatValue, isObject } from '../../platform/format.ts';
import { type BertConfig, parseBertConfig } from '../config.ts';
import { canonicalName, isPositionIds } from './names.ts';

/** A weight: row-major float32. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * A model folder. Weights have their current names (`canonicalName`). Their `data` are read from the
 * file at each access, so that memory need not hold more than one of them.
 */
export interface Checkpoint {
  config: BertConfig;
  tensors: Map<string, Weight>;
}

/** `contiguous().clone()` separates tensors that safetensors refuses because they share memory. */
const convertPickleCommand =
  'python3 -c "import torch; from safetensors.torch import save_file; ' +
  `w = torch.load('pytorch_model.bin', map_location='cpu', weights_only=True); ` +
  `save_file({k: v.contiguous().clone() for k, v in w.items()}, '${modelFiles.weights}', ` +
  `{'format': 'pt'})"`;

/** The configuration of a folder. @throws UsageError as `parseBertConfig`, or when it is missing. */
export async function readBertConfig(folder: ModelFolder): Promise<BertConfig> {
  return parseBertConfig(await folder.config(), folder.path(modelFiles.config), true);
}

/**
 * Reads a Hugging Face folder: config.json, and model.safetensors whole or in the files its index
 * names. All headers are checked before any weight is read. F64, F16 and BF16 weights become float32;
 * `position_ids`, a buffer of old versions, is left out.
 * @throws UsageError when a file is missing, is broken, or could run code (pickles).
 */
export async function readCheckpoint(source: ModelSource): Promise<Checkpoint> {
  const folder = await openModelFolder(source);
  const config = await readBertConfig(folder);
  const { dir } = folder;
  const tensors = new Map<string, Weight>();
  if (await folder.has(modelFiles.weights)) {
    await addWeightsFromFile(tensors, dir, modelFiles.weights);
  } else if (await folder.has(modelFiles.weightsIndex)) {
    const parts = await readIndex(folder.path(modelFiles.weightsIndex));
    for (const part of parts.keys())
      if (!(await folder.has(part)))
        throw new UsageError(
          `${dir} has no ${part}, which its ${modelFiles.weightsIndex} names: ` +
            'download the folder again',
        );
    for (const [part, expected] of parts) await addWeightsFromFile(tensors, dir, part, expected);
  } else if ((await folder.names())?.some((name) => /^pytorch_model.*\.bin$/.test(name))) {
    throw new UsageError(
      `${dir} has its weights only as pytorch_model.bin, a pickle, which can run any code when ` +
        `read; if you trust it, make a ${modelFiles.weights} in that folder: ` +
        convertPickleCommand,
    );
  } else {
    await folder.require(modelFiles.weights);
  }
  return { config, tensors };
}

/**
 * Adds the weights of a safetensors file to `tensors`; their data are read when accessed.
 * @param expected names that the index assigns to this file
 */
export async function addWeightsFromFile(
  tensors: Map<string, Weight>,
  dir: string,
  name: string,
  expected?: ReadonlySet<string>,
): Promise<void> {
  const path = joinPath(dir, name);
  try {
    const file = await openRandomAccess(path);
    const head = file.read(0, dataOffset(file.read(0, Math.min(8, file.size)), file.size));
    const entries = parseHeader(head, file.size).tensors;
    if (expected) checkIndexed([...entries.keys()], expected);
    for (const [tensor, { dtype, shape, begin, end }] of entries) {
      if (isPositionIds(tensor)) continue;
      const canonical = canonicalName(tensor);
      if (tensors.has(canonical))
        throw new SafetensorsError(`tensor ${formatValue(canonical)} occurs twice`);
      const decode = float32Decoder(dtype, tensor);
      tensors.set(canonical, {
        shape,
        get data() {
          return decode(file.read(begin, end).buffer);
        },
      });
    }
  } catch (error) {
    if (error instanceof SafetensorsError) throw new SafetensorsError(`${path}: ${error.message}`);
    throw error;
  }
}

/** @throws SafetensorsError unless a file has exactly the tensors that the index assigns to it. */
function checkIndexed(found: readonly string[], expected: ReadonlySet<string>): void {
  for (const name of expected)
    if (!found.includes(name))
      throw new SafetensorsError(
        `tensor ${formatValue(name)} is missing, but ${modelFiles.weightsIndex} puts it here`,
      );
  for (const name of found)
    if (!expected.has(name))
      throw new SafetensorsError(
        `tensor ${formatValue(name)} is here, but ${modelFiles.weightsIndex} does not put it here`,
      );
}

/** Names of tensors by their file, from the index of a model in several files. */
async function readIndex(path: string): Promise<Map<string, Set<string>>> {
  const index = await readJson(path);
  const weightMap = isObject(index) ? index.weight_map : undefined;
  if (!isObject(weightMap) || Object.keys(weightMap).length === 0)
    throw new UsageError(
      `${path}: weight_map: expected an object of tensor names to files, ` +
        `got ${formatValue(weightMap)}`,
    );
  const parts = new Map<string, Set<string>>();
  for (const [name, file] of Object.entries(weightMap)) {
    // An index is downloaded: it may only name files beside it, never a path that leads elsewhere.
    if (typeof file !== 'string' || !/^\w[\w.-]*\.safetensors$/.test(file))
      throw new UsageError(
        `${path}: file of ${formatValue(name)}: expected the plain name of a .safetensors file, ` +
          `got ${formatValue(file)}`,
      );
    parts.set(file, (parts.get(file) ?? new Set()).add(name));
  }
  return parts;
}
