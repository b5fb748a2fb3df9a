/** A private file system as browsers have, in memory; it can end at any change, as a tab does. */

class Ended extends Error {}

/** Changes that are still made; then the tab is closed. */
let left = Number.POSITIVE_INFINITY;
function change(): void {
  if (left-- <= 0) throw new Ended('the tab was closed');
}

const missing = (name: string) => new DOMException(`no ${name}`, 'NotFoundError');
const otherKind = (name: string) =>
  new DOMException(`${name} is of another kind`, 'TypeMismatchError');

class FileHandle {
  readonly kind = 'file';
  content: BlobPart[] = [];

  constructor(where: 'worker' | 'page') {
    if (where === 'page') delete this.createSyncAccessHandle;
  }

  async getFile() {
    return new File(this.content, 'file');
  }

  /** As workers write: the file changes with each piece. */
  createSyncAccessHandle? = async () => ({
    truncate: () => {
      change();
      this.content = [];
    },
    write: (bytes: Uint8Array<ArrayBuffer>) => {
      change();
      // The first bytes of many: a browser may take less than it is given.
      const taken = bytes.slice(0, Math.ceil(bytes.length / 2));
      this.content.push(taken);
      return taken.length;
    },
    flush: () => {},
    close: () => {},
  });

  async createWritable({ keepExistingData = false } = {}) {
    const pieces: BlobPart[] = keepExistingData ? [...this.content] : [];
    return {
      seek: async () => {},
      write: async (piece: BlobPart) => void pieces.push(piece),
      // The file changes here, and at once.
      close: async () => {
        change();
        this.content = pieces;
      },
      abort: async () => {},
    };
  }
}

class DirectoryHandle {
  readonly kind = 'directory';
  readonly #where: 'worker' | 'page';
  readonly #entries = new Map<string, FileHandle | DirectoryHandle>();

  constructor(where: 'worker' | 'page') {
    this.#where = where;
  }

  #get<T extends FileHandle | DirectoryHandle>(
    name: string,
    Kind: new (where: 'worker' | 'page') => T,
    create: boolean,
  ): T {
    if (name === '') throw new TypeError('a name is empty');
    const found = this.#entries.get(name);
    if (found instanceof Kind) return found;
    if (found) throw otherKind(name);
    if (!create) throw missing(name);
    change();
    const made = new Kind(this.#where);
    this.#entries.set(name, made);
    return made;
  }

  getFileHandle = async (name: string, { create = false } = {}) =>
    this.#get(name, FileHandle, create);
  getDirectoryHandle = async (name: string, { create = false } = {}) =>
    this.#get(name, DirectoryHandle, create);

  async removeEntry(name: string) {
    if (!this.#entries.has(name)) throw missing(name);
    change();
    this.#entries.delete(name);
  }

  async *[Symbol.asyncIterator]() {
    yield* [...this.#entries];
  }
}

/** Locks that are given in turn. */
function locks() {
  const held = new Map<string, Promise<unknown>>();
  return {
    query: async () => ({ held: [] }),
    request(name: string, ...rest: unknown[]) {
      const work = rest.at(-1) as () => Promise<unknown>;
      const { signal } = (rest.length > 1 ? rest[0] : {}) as { signal?: AbortSignal };
      const before = held.get(name) ?? Promise.resolve();
      const aborted = new Promise<never>((_, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason)),
      );
      const result = Promise.race([before, aborted]).then(work);
      held.set(name, Promise.allSettled([before, result]));
      return result;
    },
  };
}

/** A browser's `navigator`, in a worker or in a page, with an empty file system. */
export function fakeNavigator(where: 'worker' | 'page') {
  const root = new DirectoryHandle(where);
  return { storage: { getDirectory: async () => root }, locks: locks() };
}

/**
 * Runs work that ends after so many changes, as when its tab is closed.
 * @returns whether it ended early
 */
export async function closedAfter(changes: number, work: () => Promise<void>): Promise<boolean> {
  left = changes;
  try {
    await work();
    return false;
  } catch (error) {
    if (!(error instanceof Ended) && !/the tab was closed/.test(String(error))) throw error;
    return true;
  } finally {
    left = Number.POSITIVE_INFINITY;
  }
}
