export { appendToFile } from '#platform';
