export {
  type BufferSpec,
  definedKernels,
  defineKernel,
  type Kernel,
  main,
  wgsl,
} from '../device/kernel.ts';
export { record } from '../tensor/autograd.ts';
export { launch } from '../tensor/launch.ts';
export { empty } from '../tensor/tensor.ts';
