export { absolutePath, isSamePath } from '#platform';
