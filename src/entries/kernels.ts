export { KernelError } from '../device/errors.ts';
export {
  type ArrayOf,
  type BufferSpec,
  type BufferTypes,
  type Constants,
  definedKernels,
  defineKernel,
  type ElementType,
  type Fill,
  type Kernel,
  main,
  type ParamTypes,
  type ParamValues,
  repeat,
  wgsl,
} from '../device/kernel.ts';
export type { Traits } from '../device/traits.ts';
export { defineMap } from '../kernels/kit/map.ts';
export type { MapKernel, MapSpec } from '../kernels/kit/mapSpec.ts';
export {
  type PerElementConstants,
  perElementConstants,
  perElementMain,
  perElementWorkgroups,
} from '../kernels/kit/perElement.ts';
export { splitAlong } from '../kernels/kit/splitAxis.ts';
export { launch, launchMap } from '../tensor/checkedLaunch.ts';
export { checkKernel } from '../tensor/checkKernel.ts';
export { Function, FunctionContext } from '../tensor/function.ts';
export { type GradCheckOptions, gradCheck } from '../tensor/gradCheck.ts';
