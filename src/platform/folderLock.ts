export { lockFolder } from '#platform';
