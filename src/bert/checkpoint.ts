import { findModel } from '../formats/hub.ts';
import { float32Decoder, SafetensorsError, toFloat16 } from '../formats/safetensors/dtypes.ts';
import { streamSafetensors, type TensorToStream } from '../formats/safetensors/file.ts';
import { dataOffset, parseHeader } from '../formats/safetensors/header.ts';
import { type FileContent, writeFiles } from '../platform/atomicWrite.ts';
import { UsageError } from '../platform/errors.ts';
import { formatNames, formatValue, isObject } from '../platform/format.ts';
import { fileExists, listFolder, openRandomAccess, readJson } from '../platform/readFiles.ts';
import { joinPath } from '../platform/runtime.ts';
import {
  type BertConfig,
  configToJson,
  parseBertConfig,
  type TorchDtype,
  torchDtypes,
} from './config.ts';

/** A weight: row-major float32. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A weight whose data are fetched when they are written. */
export interface WeightToSave {
  shape: readonly number[];
  data: () => Promise<Float32Array>;
}

/**
 * A model folder. Weights have today's names (`canonicalName`); the `data` of one are read from its file each time they
 * are asked for, so that no more than one need be in memory.
 */
export interface Checkpoint {
  config: BertConfig;
  tensors: Map<string, Weight>;
}

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Keeps the names and the head of the model; `contiguous().clone()` parts what safetensors would refuse as shared. */
const convertPickleCommand =
  `python3 -c "import torch; from safetensors.torch import save_file; ` +
  `w = torch.load('pytorch_model.bin', map_location='cpu', weights_only=True); ` +
  `save_file({k: v.contiguous().clone() for k, v in w.items()}, '${WEIGHTS}', {'format': 'pt'})"`;

/**
 * Reads a Hugging Face folder, or the model of that name on the hub (`findModel`): config.json, and model.safetensors
 * whole or in the parts its index names. All of it is checked before any weight is read. F64, F16 and BF16 weights
 * become float32; `position_ids`, a buffer of old versions, is left out.
 * @throws UsageError when a file is missing, is broken, or could run code (pickles).
 */
export async function readCheckpoint(nameOrDir: string): Promise<Checkpoint> {
  const dir = await findModel(nameOrDir);
  const names = await listFolder(dir);
  const has = async (name: string) => names?.includes(name) ?? fileExists(joinPath(dir, name));
  const inside = names && (names.length > 0 ? `; it holds ${formatNames(names)}` : '; it is empty');

  if (!(await has(CONFIG))) throw new UsageError(`${dir} has no ${CONFIG}${inside ?? ''}`);
  const configPath = joinPath(dir, CONFIG);
  const config = parseBertConfig(await readJson(configPath), configPath, true);

  const tensors = new Map<string, Weight>();
  if (await has(WEIGHTS)) {
    await addWeightsFromFile(tensors, dir, WEIGHTS);
  } else if (await has(INDEX)) {
    const parts = await readIndex(joinPath(dir, INDEX));
    for (const part of parts.keys())
      if (!(await has(part)))
        throw new UsageError(
          `${dir} has no ${part}, which its ${INDEX} names: fetch the folder again`,
        );
    for (const [part, expected] of parts) await addWeightsFromFile(tensors, dir, part, expected);
  } else if (names?.some((name) => /^pytorch_model.*\.bin$/.test(name))) {
    throw new UsageError(
      `${dir} has its weights as pytorch_model.bin only, a pickle, which can run any code when read; ` +
        `if you trust it, make a ${WEIGHTS} in that folder: ${convertPickleCommand}`,
    );
  } else {
    throw new UsageError(`${dir} has no ${WEIGHTS}${inside ?? ''}`);
  }
  return { config, tensors };
}

/**
 * Writes a folder that Python's `from_pretrained` loads: `extraFiles` (name to content: vocab.txt…), config.json and the
 * weights. A crash leaves the old folder or the new one (`writeFiles`).
 * @throws UsageError when the folder cannot be written to, or naming a weight that is too large for float16 or NaN.
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
      `torchDtype is ${formatValue(torchDtype)}; expected ${torchDtypes.join(' or ')}`,
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
    [CONFIG]: configToJson(config, architectures, torchDtype),
    [WEIGHTS]: streamSafetensors(weights),
  });
}

/**
 * Refuses a configuration of other sizes than the weights, before a model of such sizes is built: the encoder's head may
 * be new, but not the encoder.
 * @throws UsageError naming the field of config.json and the weight.
 */
export function checkSizes({ config, tensors }: Checkpoint, source: string): void {
  const find = (name: string) => [`bert.${name}`, name].find((full) => tensors.has(full));
  const sizes = [
    ['embeddings.word_embeddings.weight', 0, 'vocab_size', config.vocabSize],
    ['embeddings.word_embeddings.weight', 1, 'hidden_size', config.hiddenSize],
    [
      'embeddings.position_embeddings.weight',
      0,
      'max_position_embeddings',
      config.maxPositionEmbeddings,
    ],
    ['embeddings.token_type_embeddings.weight', 0, 'type_vocab_size', config.typeVocabSize],
    ['encoder.layer.0.intermediate.dense.weight', 0, 'intermediate_size', config.intermediateSize],
  ] as const;
  for (const [name, axis, field, size] of sizes) {
    const found = find(name);
    if (found === undefined)
      throw new UsageError(
        `${source} is no BERT encoder: it has no ${name}; it has ${formatNames([...tensors.keys()])}`,
      );
    const { shape } = tensors.get(found)!;
    if (shape[axis] !== size)
      throw new UsageError(
        `${source}: ${found} is [${shape}], but in ${CONFIG} ${field} is ${size}; they are of two models`,
      );
  }
  const layers = new Set(
    Array.from(tensors.keys(), (name) => /(?:^|^bert\.)encoder\.layer\.(\d+)\./.exec(name)?.[1]),
  );
  layers.delete(undefined);
  if (layers.size < config.numHiddenLayers)
    throw new UsageError(
      `${source} has the weights of ${layers.size} layers, but in ${CONFIG} num_hidden_layers is ${config.numHiddenLayers}`,
    );
}

/** A weight's name as it is written today: `LayerNorm.gamma` and `.beta` of the first BERTs are `weight` and `bias`. */
export function canonicalName(name: string): string {
  return name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias');
}

/** How the weights of a model and those of a checkpoint fit, by name. */
export interface NameMatch {
  /** Expected name to found name. */
  mapping: Map<string, string>;
  /** Expected names that were not found. */
  missing: string[];
  /** Found names that nothing expects. */
  unexpected: string[];
}

/** What the decoder of a masked language model shares, and the second name it has in some checkpoints, or the only one. */
const LM_BIAS = 'cls.predictions.bias';
const tiedNames = new Map([
  [LM_BIAS, 'cls.predictions.decoder.bias'],
  ['bert.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'],
]);

/**
 * Pairs the names a model expects with those a checkpoint has: in old spelling too, and with or without `bert.` in
 * front, as a bare `BertModel` and a model with a head write them. `position_ids` counts as neither missing nor
 * unexpected, nor do second names of the weights that a model's decoder shares.
 */
export function matchNames(expected: Iterable<string>, found: Iterable<string>): NameMatch {
  const unmatched = new Map<string, string>();
  const unexpected: string[] = [];
  for (const name of found) {
    if (isPositionIds(name)) continue;
    if (unmatched.has(canonicalName(name))) unexpected.push(name);
    else unmatched.set(canonicalName(name), name);
  }
  const mapping = new Map<string, string>();
  const take = (wanted: string, name: string): boolean => {
    const match = unmatched.get(name);
    if (match === undefined) return false;
    unmatched.delete(name);
    mapping.set(wanted, match);
    return true;
  };
  const all = new Set(expected);
  const tiedName = (name: string) =>
    all.has(LM_BIAS) && !all.has(tiedNames.get(name)!) ? tiedNames.get(name) : undefined;
  // Exact names first, so that none is taken by its double.
  const missing = Array.from(all)
    .filter((name) => !take(name, name))
    .filter((name) => !take(name, name.startsWith('bert.') ? name.slice(5) : `bert.${name}`))
    .filter((name) => !take(name, tiedName(name) ?? name));
  for (const name of all) unmatched.delete(tiedName(name) ?? name);
  return { mapping, missing, unexpected: [...unexpected, ...unmatched.values()] };
}

const isPositionIds = (name: string): boolean => /(^|\.)embeddings\.position_ids$/.test(name);

/** Adds a file's weights to `tensors`, none of them read yet; `expected` are the names its index puts there. */
export async function addWeightsFromFile(
  tensors: Map<string, Weight>,
  dir: string,
  file: string,
  expected?: Set<string>,
) {
  const path = joinPath(dir, file);
  try {
    const file = await openRandomAccess(path);
    const head = file.read(0, dataOffset(file.read(0, Math.min(8, file.size)), file.size));
    const entries = parseHeader(head, file.size).tensors;
    for (const name of expected ?? [])
      if (!entries.has(name))
        throw new SafetensorsError(`tensor ${formatValue(name)} is missing; ${INDEX} puts it here`);
    for (const [name, { dtype, shape, begin, end }] of entries) {
      if (expected && !expected.has(name))
        throw new SafetensorsError(
          `tensor ${formatValue(name)} is here, but ${INDEX} does not put it here`,
        );
      if (isPositionIds(name)) continue;
      const canonical = canonicalName(name);
      if (tensors.has(canonical))
        throw new SafetensorsError(`tensor ${formatValue(canonical)} is here twice`);
      const read = float32Decoder(dtype, name);
      tensors.set(canonical, {
        shape,
        get data() {
          return read(file.read(begin, end).buffer);
        },
      });
    }
  } catch (error) {
    if (error instanceof SafetensorsError) throw new SafetensorsError(`${path}: ${error.message}`);
    throw error;
  }
}

/** File to the names of its tensors, from the index of a model in parts. */
async function readIndex(path: string): Promise<Map<string, Set<string>>> {
  const index = await readJson(path);
  const weightMap = isObject(index) ? index.weight_map : undefined;
  if (!isObject(weightMap) || Object.keys(weightMap).length === 0)
    throw new UsageError(
      `${path}: weight_map is ${formatValue(weightMap)}; expected an object of tensor names to files`,
    );
  const parts = new Map<string, Set<string>>();
  for (const [name, file] of Object.entries(weightMap)) {
    // An index comes with a download: it may name files of its own folder, and nothing that resolves elsewhere.
    if (typeof file !== 'string' || !/^\w[\w.-]*\.safetensors$/.test(file))
      throw new UsageError(
        `${path}: the file of ${formatValue(name)} is ${formatValue(file)}; expected the plain name of a .safetensors file beside it`,
      );
    parts.set(file, (parts.get(file) ?? new Set()).add(name));
  }
  return parts;
}
