import { UsageError } from '../platform/errors.ts';
import { fileExists, joinPath, readBytes, readJson, writeFiles } from '../platform/files.ts';
import { listFolder } from '../platform/folder.ts';
import { type BertConfig, configToJson, parseBertConfig } from './config.ts';
import { isObject, nameSome, quote } from './quote.ts';
import { parseSafetensors, SafetensorsError, serializeSafetensors, toFloat32 } from './safetensors.ts';

/** A weight: row-major float32. */
export interface Weight {
  shape: readonly number[];
  data: Float32Array;
}

/** A model folder in memory. Weights have today's names (`canonicalName`). */
export interface Checkpoint {
  config: BertConfig;
  tensors: Map<string, Weight>;
}

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Keeps the names and the head of the model; `contiguous().clone()` parts what safetensors would refuse as shared. */
const convertPickle =
  `python3 -c "import torch; from safetensors.torch import save_file; ` +
  `w = torch.load('pytorch_model.bin', map_location='cpu', weights_only=True); ` +
  `save_file({k: v.contiguous().clone() for k, v in w.items()}, '${WEIGHTS}', {'format': 'pt'})"`;

/**
 * Reads a Hugging Face folder: config.json, and model.safetensors whole or in the parts its index names. F64, F16 and
 * BF16 weights become float32; `position_ids`, a buffer of old versions, is left out.
 * @throws UsageError when a file is missing, is broken, or could run code (pickles).
 */
export async function readCheckpoint(dir: string): Promise<Checkpoint> {
  const names = await listFolder(dir);
  const has = async (name: string) => names?.includes(name) ?? fileExists(joinPath(dir, name));
  const inside = names && (names.length > 0 ? `; it holds ${nameSome(names)}` : '; it is empty');

  if (!(await has(CONFIG))) throw new UsageError(`${dir} has no ${CONFIG}${inside ?? ''}`);
  const configPath = joinPath(dir, CONFIG);
  const config = parseBertConfig(await readJson(configPath), configPath);

  const tensors = new Map<string, Weight>();
  if (await has(WEIGHTS)) {
    await addWeights(tensors, dir, WEIGHTS);
  } else if (await has(INDEX)) {
    const parts = await readIndex(joinPath(dir, INDEX));
    for (const [part, expected] of parts) await addWeights(tensors, dir, part, expected);
  } else if (names?.some((name) => /^pytorch_model.*\.bin$/.test(name))) {
    throw new UsageError(
      `${dir} has its weights as pytorch_model.bin only, a pickle, which can run any code when read; ` +
        `if you trust it, make a ${WEIGHTS} in that folder: ${convertPickle}`,
    );
  } else {
    throw new UsageError(`${dir} has no ${WEIGHTS}${inside ?? ''}`);
  }
  return { config, tensors };
}

/**
 * Writes a folder that Python's `from_pretrained` loads: `extraFiles` (name to text: vocab.txt…), config.json, and the
 * weights last, so that a new folder with weights is a whole one.
 */
export async function writeCheckpoint(
  dir: string,
  config: BertConfig,
  architectures: readonly string[],
  tensors: Iterable<readonly [string, Weight]>,
  extraFiles: Readonly<Record<string, string>> = {},
): Promise<void> {
  const weights = Array.from(tensors, ([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }] as const);
  await writeFiles(dir, {
    ...extraFiles,
    [CONFIG]: configToJson(config, architectures),
    [WEIGHTS]: serializeSafetensors(weights),
  });
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

/**
 * Pairs the names a model expects with those a checkpoint has: in old spelling too, and with or without `bert.` in
 * front, as a bare `BertModel` and a model with a head write them. `position_ids` counts as neither.
 */
export function matchNames(expected: Iterable<string>, found: Iterable<string>): NameMatch {
  const left = new Map<string, string>();
  const unexpected: string[] = [];
  for (const name of found) {
    if (isPositionIds(name)) continue;
    if (left.has(canonicalName(name))) unexpected.push(name);
    else left.set(canonicalName(name), name);
  }
  const mapping = new Map<string, string>();
  const take = (wanted: string, name: string): boolean => {
    const match = left.get(name);
    if (match === undefined) return false;
    left.delete(name);
    mapping.set(wanted, match);
    return true;
  };
  // Exact names first, so that none is taken by its double.
  const missing = Array.from(expected)
    .filter((name) => !take(name, name))
    .filter((name) => !take(name, name.startsWith('bert.') ? name.slice(5) : `bert.${name}`));
  return { mapping, missing, unexpected: [...unexpected, ...left.values()] };
}

const isPositionIds = (name: string): boolean => /(^|\.)embeddings\.position_ids$/.test(name);

/** Adds a file's weights to `tensors`; `expected` are the names its index puts there. */
async function addWeights(tensors: Map<string, Weight>, dir: string, file: string, expected?: Set<string>) {
  const path = joinPath(dir, file);
  try {
    const raw = parseSafetensors(await readBytes(path)).tensors;
    for (const name of expected ?? [])
      if (!raw.has(name)) throw new SafetensorsError(`tensor ${quote(name)} is missing; ${INDEX} puts it here`);
    for (const [name, tensor] of raw) {
      if (expected && !expected.has(name))
        throw new SafetensorsError(`tensor ${quote(name)} is here, but ${INDEX} does not put it here`);
      if (isPositionIds(name)) continue;
      const canonical = canonicalName(name);
      if (tensors.has(canonical)) throw new SafetensorsError(`tensor ${quote(canonical)} is here twice`);
      tensors.set(canonical, { shape: tensor.shape, data: toFloat32(tensor, name) });
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
    throw new UsageError(`${path}: weight_map is ${quote(weightMap)}; expected an object of tensor names to files`);
  const parts = new Map<string, Set<string>>();
  for (const [name, file] of Object.entries(weightMap)) {
    // An index comes with a download: it may name files of its own folder, and nothing that resolves elsewhere.
    if (typeof file !== 'string' || !/^\w[\w.-]*\.safetensors$/.test(file))
      throw new UsageError(
        `${path}: the file of ${quote(name)} is ${quote(file)}; expected the plain name of a .safetensors file beside it`,
      );
    parts.set(file, (parts.get(file) ?? new Set()).add(name));
  }
  return parts;
}
