export { absolutePath, isSamePath, realPath } from '#platform';
