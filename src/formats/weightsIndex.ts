import { UsageError } from '../platform/errors.ts';
import { formatValue, isObject } from '../platform/format.ts';
import { readJson } from '../platform/readFiles.ts';

/**
 * Names of tensors by their file, from the index of a model in several files.
 * @throws UsageError for an index that is broken, or that names anything but files beside it.
 */
export async function readWeightsIndex(path: string): Promise<Map<string, Set<string>>> {
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
    const tensors = parts.get(file);
    if (tensors) tensors.add(name);
    else parts.set(file, new Set([name]));
  }
  return parts;
}
