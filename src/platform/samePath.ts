export { isSamePath } from '#platform';
