export { findDamage, folderNames, recoverFolders, removeFolder, writeFolder } from '#platform';
