export {
  findDamage,
  folderNames,
  recoverFolders,
  removeFile,
  removeFolder,
  writeFolder,
} from '#platform';
