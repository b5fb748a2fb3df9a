export { environmentVariable, isNode, processorName } from '#platform';
export { joinPath } from './paths.ts';
