import type { Device } from '../../src/device/device.ts';
import { gradCheck } from '../../src/tensor/gradCheck.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';

/** Checks the gradient of `call(x)`, x: [5, 7], against finite differences. `name` seeds x. */
export async function checkGradient(
  name: string,
  device: Device,
  call: (x: Tensor) => Tensor,
): Promise<void> {
  const draws = new Philox(7, name.length);
  // Away from kinks, which finite differences step over.
  const values = Float32Array.from({ length: 35 }, () => draws.normal()).map(
    (v, i) => v + 0.05 * Math.sign(v) + 0.003 * i,
  );
  await gradCheck(call, [tensor(values, { shape: [5, 7], device, requiresGrad: true })]);
}
