export { cacheDir, userCacheDir } from '#platform';
