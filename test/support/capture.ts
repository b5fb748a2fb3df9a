import type { Device } from '../../src/device/device.ts';
import {
  type CapturedStep,
  capture,
  keep,
  scope,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';

export type Step = (inputs: { x: Tensor }) => Tensor;
export type Run = (step: Step, ...x: number[]) => Promise<number[]>;
/** A parameter that outlives scopes. */
export const parameter = (...values: number[]) => keep(tensor(values, { requiresGrad: true }));

/** Runs steps without capturing them. */
export const eagerly: Run = async (step, ...x) => {
  const y = scope(() => step({ x: tensor(x) }));
  const values = [...(await y.data())];
  y.dispose();
  return values;
};

/** A runner that captures each step on a device. */
export function capturing(device: Device): { run: Run; dispose: () => void } {
  const steps = new Map<Step, CapturedStep<{ x: Tensor }>>();
  return {
    run: async (step, ...x) => {
      if (!steps.has(step)) steps.set(step, capture(device, step));
      return [
        ...(await steps.get(step)!.run({ x: { data: Float32Array.from(x), shape: [x.length] } })),
      ];
    },
    dispose: () => {
      for (const step of steps.values()) step.dispose();
    },
  };
}
