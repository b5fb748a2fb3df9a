/** The list of what a checked folder holds, which is written last (see `writeFolder`). */

/** Its file. */
export const MANIFEST = 'manifest.json';

/** Size and checksum of a file. */
export interface FileSum {
  bytes: number;
  sha256: string;
}

export interface Manifest {
  files: Record<string, FileSum>;
}

export const serializeManifest = (manifest: Manifest): string =>
  `${JSON.stringify(manifest, undefined, 1)}\n`;

/**
 * What is wrong with a folder; undefined if it is whole.
 * @param text of the manifest, if there is one
 * @param sumOf size and checksum of a file; undefined if it is missing
 */
export async function damageOf(
  text: string | undefined,
  sumOf: (name: string) => Promise<FileSum | undefined>,
): Promise<string | undefined> {
  if (text === undefined) return `${MANIFEST} is missing`;
  const manifest = await parseManifest(text);
  if (!manifest) return `${MANIFEST}: expected the content that was saved, got another`;
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const found = await sumOf(name);
    if (!found) return `${name} is missing`;
    if (found.bytes !== bytes) return `${name}: expected ${bytes} bytes, got ${found.bytes}`;
    if (found.sha256 !== sha256)
      return `${name}: expected the content that was saved, got another (SHA-256 differs)`;
  }
  return undefined;
}

async function parseManifest(text: string): Promise<Manifest | undefined> {
  // Imported when it is needed: `wigbert --help` is quick.
  const v = await import('valibot');
  const schema = v.object({
    files: v.record(v.string(), v.object({ bytes: v.number(), sha256: v.string() })),
  });
  try {
    const manifest = v.parse(schema, JSON.parse(text));
    // A change that JSON does not see is a change too.
    if (serializeManifest(manifest) === text) return manifest;
  } catch {}
  return undefined;
}
