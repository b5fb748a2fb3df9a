/** Whether this is Node, or another runtime with its modules: files can be read and written. */
export const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/** Joins path parts with `/`, which Node accepts on every platform. */
export function joinPath(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('/');
}
