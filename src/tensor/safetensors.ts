import type { Device } from '../device/device.ts';
import {
  parseSafetensors,
  type SafetensorsDtype,
  streamSafetensors,
  toFloat32,
  toInt32,
} from '../formats/safetensors/file.ts';
import { writeFiles } from '../platform/atomicWrite.ts';
import { ArgumentError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { readBytes } from '../platform/readFiles.ts';
import { defaultDevice, tensor } from './create.ts';
import { encode } from './elements.ts';
import { type DType, isHalf, type Tensor } from './tensor.ts';

const fileDtypes: Record<DType, SafetensorsDtype> = {
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int32: 'I32',
  bool: 'BOOL',
};

/**
 * Writes named tensors to a safetensors file, as Python's `safetensors.torch.save_file`; other
 * libraries read it. Tensors are fetched one by one: wait for the end before you change them. After
 * a crash the file is the old one or the new one. In Node only.
 * @throws UsageError if the file cannot be written.
 * @example
 * await saveSafetensors(model.stateDict(), 'model.safetensors');
 */
export async function saveSafetensors(
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  path: string,
): Promise<void> {
  const entries: [string, Tensor][] =
    tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  const [, folder, name] = /^(.*?)([^/\\]*)$/s.exec(path)!;
  if (name === '')
    throw new ArgumentError(
      `saveSafetensors: expected the path of a file, got ${formatValue(path)}`,
    );
  const streams = entries.map(([key, x]) => {
    const data = async () => {
      const values = await x.data();
      if (isHalf(x.dtype)) return new Uint8Array(encode(values, x.dtype).buffer, 0, 2 * x.size);
      return x.dtype === 'bool' ? Uint8Array.from(values) : values;
    };
    return [key, { dtype: fileDtypes[x.dtype], shape: x.shape, data }] as const;
  });
  await writeFiles(folder === '' ? '.' : folder, { [name]: streamSafetensors(streams) });
}

/**
 * The tensors of a safetensors file by name, as Python's `safetensors.torch.load_file`; in a
 * browser, of a URL. Floats of 16, 32 and 64 bits become float32, integers int32. `keepHalves`
 * keeps F16 and BF16 as float16 and bfloat16.
 * @throws UsageError if the file cannot be read, SafetensorsError for bytes of another format or an
 * integer outside int32.
 * @example
 * model.loadStateDict(await loadSafetensors('model.safetensors'));
 */
export async function loadSafetensors(
  path: string,
  { device = defaultDevice(), keepHalves = false }: { device?: Device; keepHalves?: boolean } = {},
): Promise<Map<string, Tensor>> {
  const { tensors } = parseSafetensors(await readBytes(path));
  return new Map(
    Array.from(tensors, ([name, raw]) => {
      const isFloat = /^B?F\d/.test(raw.dtype);
      const values = isFloat ? toFloat32(raw, name) : toInt32(raw, name);
      const half = raw.dtype === 'F16' ? 'float16' : raw.dtype === 'BF16' ? 'bfloat16' : undefined;
      const float = (keepHalves && half) || 'float32';
      const dtype = isFloat ? float : raw.dtype === 'BOOL' ? 'bool' : 'int32';
      return [name, tensor(values, { shape: raw.shape, dtype, device })];
    }),
  );
}
