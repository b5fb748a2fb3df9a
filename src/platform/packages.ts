export { importOptional } from '#platform';
