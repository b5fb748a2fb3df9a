/**
 * What Node and browsers do differently, as Node does it. `#platform` in package.json chooses
 * between this file and `browser.ts`, which has the same exports.
 */
export { appendToFile } from './node/appendFile.ts';
export { ensureWritableFolder, recoverWrites, writeFiles } from './node/atomicWrite.ts';
export { isReadOnce, readStream } from './node/byteSource.ts';
export { cacheDir, userCacheDir } from './node/cache.ts';
export {
  findDamage,
  folderNames,
  recoverFolders,
  removeFile,
  removeFolder,
  writeFolder,
} from './node/checkedFolder.ts';
export { checkFile } from './node/checkFile.ts';
export { lockFolder } from './node/folderLock.ts';
export { collectGarbage } from './node/garbage.ts';
export { createHash, hashFile } from './node/hash.ts';
export { linkFile } from './node/links.ts';
export { environmentVariable, processorName } from './node/machine.ts';
export { importOptional } from './node/packages.ts';
export {
  fileExists,
  listFolder,
  openRandomAccess,
  pathExists,
  readBytes,
} from './node/readFiles.ts';
export { absolutePath, isSamePath, realPath } from './node/samePath.ts';
export {
  allowRelaxedSimd,
  canShareMemory,
  countCores,
  startThread,
} from './node/threads.ts';
export { waitForDevice, yieldToEventLoop } from './node/waiting.ts';
export { findWebGPU } from './node/webgpu.ts';

/** Whether files can be read and written: Node, or a runtime with its modules. */
export const isNode: boolean = true;
