import { dequantizeRows } from '../../formats/int8.ts';
import { modelFiles } from '../../formats/modelFiles.ts';
import { float32Decoder, SafetensorsError } from '../../formats/safetensors/dtypes.ts';
import { dataOffset, parseHeader, type StoredTensor } from '../../formats/safetensors/header.ts';
import { formatValue } from '../../platform/format.ts';
import { openRandomAccess, type RandomAccessFile } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import { SCALE_SUFFIX, scalesOf } from './int8Weights.ts';
import { canonicalName, isPositionIds } from './names.ts';

/** A weight: row-major float32. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Adds the weights of a safetensors file to `tensors`; their data are read when accessed. Tensors
 * that are no floats are refused only then: a model may have counters that nothing uses.
 * @param expected names that the index assigns to this file
 */
export async function addWeightsFromFile(
  tensors: Map<string, Weight>,
  dir: string,
  name: string,
  expected?: ReadonlySet<string>,
): Promise<void> {
  const path = joinPath(dir, name);
  const file = await openRandomAccess(path);
  inFile(path, () => {
    const first = file.read(0, Math.min(8, file.size));
    checkIsSafetensors(first);
    const head = file.read(0, dataOffset(first, file.size));
    const entries = parseHeader(head, file.size).tensors;
    if (expected) checkIndexed([...entries.keys()], expected);
    for (const [tensor, { dtype, shape, begin, end }] of entries) {
      if (isPositionIds(tensor) || isScale(tensor, entries)) continue;
      const canonical = canonicalName(tensor);
      if (tensors.has(canonical))
        throw new SafetensorsError(`tensor ${formatValue(canonical)} occurs twice`);
      const scales = entries.get(scalesOf(tensor));
      if (dtype === 'I8' && scales) {
        tensors.set(canonical, int8Weight(file, { shape, begin, end }, scales, tensor));
        continue;
      }
      tensors.set(canonical, {
        shape,
        get data() {
          const decode = inFile(path, () => float32Decoder(dtype, tensor));
          return decode(file.read(begin, end).buffer as ArrayBuffer);
        },
      });
    }
  });
}

/** The result of a function; a SafetensorsError from it names the file first. */
function inFile<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof SafetensorsError) throw new SafetensorsError(`${path}: ${error.message}`);
    throw error;
  }
}

/** Whether a tensor is the scales of a weight in 8 bits. */
const isScale = (name: string, entries: ReadonlyMap<string, StoredTensor>): boolean =>
  name.endsWith(SCALE_SUFFIX) && entries.get(name.slice(0, -SCALE_SUFFIX.length))?.dtype === 'I8';

/** A weight in 8 bits, which becomes float32 each time it is read. */
function int8Weight(
  file: RandomAccessFile,
  { shape, begin, end }: Pick<StoredTensor, 'shape' | 'begin' | 'end'>,
  scales: StoredTensor,
  name: string,
): Weight {
  if (scales.dtype !== 'F32' || scales.shape.join() !== `${shape[0]},1` || shape.length !== 2)
    throw new SafetensorsError(
      `tensor ${formatValue(scalesOf(name))}: expected F32 of [${shape[0]}, 1], a scale for each ` +
        `row of a matrix, got ${scales.dtype} of ${formatValue(scales.shape)}`,
    );
  return {
    shape,
    get data() {
      const values = new Int8Array(file.read(begin, end).buffer);
      const factors = new Float32Array(file.read(scales.begin, scales.end).buffer);
      return dequantizeRows({ values, scales: factors });
    },
  };
}

/** @throws SafetensorsError for other files that are often found under the name of weights. */
function checkIsSafetensors(first: Uint8Array): void {
  const text = String.fromCharCode(...first);
  const refuse = (what: string) => {
    throw new SafetensorsError(`expected weights in safetensors, got ${what}`);
  };
  if (/^<[!?a-z][a-z]{3}/i.test(text)) refuse('a web page: download the file itself');
  if (text.startsWith('PK\x03\x04') || text.startsWith('\x80\x02'))
    refuse('a pickle of PyTorch under another name: convert it, renaming does not');
  if (text.startsWith('\x89HDF')) refuse("TensorFlow's HDF5: convert it, renaming does not");
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
