export { collectGarbage } from '#platform';
