/** Content of a file; an iterable is read while the file is written, `bytes` tells its size. */
export type FileContent = string | Uint8Array | (AsyncIterable<Uint8Array> & { bytes?: number });

/** A file that is read piece by piece. */
export interface RandomAccessFile {
  /** In bytes. */
  readonly size: number;
  /**
   * The bytes from `begin` to before `end`, in fresh memory that nothing else uses.
   * @throws UsageError when the file has changed since it was opened.
   */
  read(begin: number, end: number): Uint8Array;
}

/** A checksum that is computed piece by piece. */
export interface Hash {
  update(data: Uint8Array | string): this;
  /** Browsers compute it when it is asked for. */
  digest(encoding: 'hex'): string | Promise<string>;
}

/** A thread that another one started. */
export interface Thread {
  stop(): void;
}

/** What the system says of a failure. */
export interface SystemError extends Error {
  code?: string;
  syscall?: string;
}
