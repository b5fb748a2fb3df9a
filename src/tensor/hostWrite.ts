import type { Binding, Device, Plan } from '../device/device.ts';
import type { HostArray } from '../device/kernel.ts';

/** The captured step that is about to be replayed. */
let replaying: { device: Device; plan: Plan } | undefined;

/**
 * Sends values from the host to the memory of a tensor. While `replay` runs, they go into the plan,
 * if its step reads them there; all others go to the device.
 */
export function hostWrite(device: Device, target: Binding, data: HostArray): void {
  const isPlanned = replaying?.device === device && replaying.plan.write(target, data);
  if (!isPlanned) device.write(target, data);
}

/** Replays a plan; `prepare` and the step's hooks write its new values by `hostWrite`. */
export function replay(device: Device, plan: Plan, prepare: () => void): Promise<ArrayBuffer> {
  const before = replaying;
  replaying = { device, plan };
  try {
    return plan.replay(prepare);
  } finally {
    replaying = before;
  }
}
