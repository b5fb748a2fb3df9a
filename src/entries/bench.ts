export { type KernelTiming, timeKernels } from '../bench/kernels.ts';
export { benchStep, type StepName, type StepTiming } from '../bench/steps.ts';
export { measurePeaks, type Peaks } from '../measure/peaks.ts';
