export { checkFile } from '#platform';
