export { linkFile } from '#platform';
