export { findWebGPU } from '#platform';
