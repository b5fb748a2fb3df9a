export { isNode } from '#platform';
export { joinPath } from './paths.ts';
