/**
 * What Node and browsers do differently, as browsers do it: a path that begins with `opfs:/` is one
 * of the origin's private file system, any other is a URL that is fetched and cannot be written to.
 * `#platform` in package.json chooses between this file and `node.ts`.
 */
import * as checkedFolder from './browser/checkedFolder.ts';
import * as folderLock from './browser/folderLock.ts';
import { BytesHash, hashBytes } from './browser/hash.ts';
import {
  findDir,
  findFile,
  isPrivate,
  namesIn,
  plainPath,
  readPrivate,
  removePrivate,
} from './browser/privateFiles.ts';
import * as written from './browser/writeFiles.ts';
import { UsageError } from './errors.ts';
import type * as node from './node.ts';

export const isNode: typeof node.isNode = false;

/** Many servers answer a missing file with status 200 and their start page. */
const isFileResponse = ({ ok, headers }: Response): boolean =>
  ok && !headers.get('content-type')?.startsWith('text/html');

export const fileExists: typeof node.fileExists = async (path) =>
  isPrivate(path)
    ? (await findFile(path)) !== undefined
    : isFileResponse(await fetch(path, { method: 'HEAD' }));

export const pathExists: typeof node.pathExists = async (path) =>
  (await fileExists(path)) || (isPrivate(path) && (await findDir(path)) !== undefined);

export const readBytes: typeof node.readBytes = async (path) => {
  if (isPrivate(path)) return readPrivate(path);
  const response = await fetch(path);
  if (!isFileResponse(response)) {
    const answer = response.ok ? 'with a page' : response.status;
    throw new UsageError(`cannot fetch ${path}: the server answered ${answer}`);
  }
  return new Uint8Array(await response.arrayBuffer());
};

export const openRandomAccess: typeof node.openRandomAccess = async (path) => {
  const bytes = await readBytes(path);
  return {
    size: bytes.length,
    read: (begin, end) => Uint8Array.from(bytes.subarray(begin, end)),
  };
};

export const folderNames: typeof node.folderNames = async (parent) =>
  isPrivate(parent) ? ((await namesIn(parent))?.directory ?? []) : [];

export const listFolder: typeof node.listFolder = async (dir) => {
  if (!isPrivate(dir)) return null;
  const names = await namesIn(dir);
  if (names) return [...names.file, ...names.directory].sort();
  const reason = (await findFile(dir)) ? 'is a file, not a folder' : 'no such folder';
  throw new UsageError(`cannot read ${dir}: ${reason}`);
};

export const isReadOnce: typeof node.isReadOnce = async () => false;
export const cacheDir: typeof node.cacheDir = async () => undefined;
/** A server's files are not this machine's. */
export const checkFile: typeof node.checkFile = async () => {};
export const recoverWrites: typeof node.recoverWrites = async (dir) => {
  if (isPrivate(dir)) await written.recoverWrites(dir);
};
export const realPath: typeof node.realPath = async (path) => path;
export const isSamePath: typeof node.isSamePath = async (a, b) =>
  isPrivate(a) && isPrivate(b) ? plainPath(a) === plainPath(b) : a === b;
export const absolutePath: typeof node.absolutePath = (path) => path;

export const environmentVariable: typeof node.environmentVariable = () => undefined;
export const processorName: typeof node.processorName = () => 'unknown processor';

export const findWebGPU: typeof node.findWebGPU = async () =>
  typeof navigator === 'undefined' ? undefined : navigator.gpu;

/** Messages rather than timers: those of hidden pages are slowed down to one a second. */
export const yieldToEventLoop: typeof node.yieldToEventLoop = () =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

export const waitForDevice: typeof node.waitForDevice = (promise) => promise;

/** Only pages that are isolated from those of other origins do. */
export const canShareMemory: typeof node.canShareMemory = () =>
  globalThis.crossOriginIsolated === true;

export const countCores: typeof node.countCores = () => navigator.hardwareConcurrency ?? 1;

export const startThread: typeof node.startThread = (source, data, onEnd) => {
  const text = `onmessage = (event) => { (${source})(event.data); };`;
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const worker = new Worker(url);
  // Without a message it never began.
  worker.onerror = ({ message }) =>
    onEnd(message ?? 'a worker was refused; a content security policy needs worker-src blob:');
  worker.postMessage(data);
  return {
    stop() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
};

export const allowRelaxedSimd: typeof node.allowRelaxedSimd = async () => {};

/** Bytes that a browser sees as pressure: more than it lets pass without a collection. */
const PRESSURE_BYTES = 1 << 27;

/** Memory that is dropped at once counts towards the browser's next collection. */
export const collectGarbage: typeof node.collectGarbage = () => {
  new ArrayBuffer(PRESSURE_BYTES);
  return false;
};

export const appendToFile: typeof node.appendToFile = written.appendToFile;
export const writeFiles: typeof node.writeFiles = written.writeFiles;
export const ensureWritableFolder: typeof node.ensureWritableFolder = written.ensureWritableFolder;
export const writeFolder: typeof node.writeFolder = checkedFolder.writeFolder;
export const removeFolder: typeof node.removeFolder = checkedFolder.removeFolder;
export const recoverFolders: typeof node.recoverFolders = checkedFolder.recoverFolders;
export const findDamage: typeof node.findDamage = checkedFolder.findDamage;
export const removeFile: typeof node.removeFile = removePrivate;
export const lockFolder: typeof node.lockFolder = folderLock.lockFolder;
export const createHash: typeof node.createHash = async (algorithm) =>
  new BytesHash(algorithm === 'sha1' ? 'SHA-1' : 'SHA-256');
export const hashFile: typeof node.hashFile = async (path) => hashBytes(await readBytes(path));

const onlyInNode = async (): Promise<never> => {
  throw new UsageError('the cache of the Hugging Face hub, and optional packages, are for Node');
};
export const linkFile: typeof node.linkFile = onlyInNode;
export const userCacheDir: typeof node.userCacheDir = onlyInNode;
export const importOptional: typeof node.importOptional = onlyInNode;
export const readStream: typeof node.readStream = () => {
  throw new UsageError('standard input and pipes can only be read in Node');
};
