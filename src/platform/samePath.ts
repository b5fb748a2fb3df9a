/** Whether two paths lead to the same file or folder, through links too. Node only. */
export async function isSamePath(a: string, b: string): Promise<boolean> {
  const [{ realpath }, { resolve }] = await Promise.all([
    import('node:fs/promises'),
    import('node:path'),
  ]);
  const real = (path: string) => realpath(path).catch(() => resolve(path));
  return (await real(a)) === (await real(b));
}
