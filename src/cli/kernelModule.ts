import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { definedKernels, type Kernel } from '../device/kernel.ts';
import { UsageError } from '../platform/errors.ts';

/**
 * Imports a JavaScript module of the user's and returns the kernels that it defines.
 * @throws UsageError if it cannot be imported, or defines no kernel with this package.
 */
export async function importKernelModule(path: string): Promise<Kernel[]> {
  const before = new Set(definedKernels());
  try {
    await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw new UsageError(`\`module\`: cannot import ${path}: ${(error as Error).message}`);
  }
  const kernels = definedKernels().filter((kernel) => !before.has(kernel));
  if (kernels.length === 0)
    throw new UsageError(
      `\`module\`: expected a module that calls defineKernel of this package, got ${path}, which ` +
        'defines no kernel here',
    );
  return kernels;
}
