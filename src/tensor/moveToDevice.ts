import type { Device } from '../device/device.ts';
import { ArgumentError } from '../platform/errors.ts';
import { wordsOf } from './elements.ts';
import { setGradBuffer } from './gradBuffer.ts';
import { isDenseAtOrigin } from './launch.ts';
import { toDevice } from './ops/convert.ts';
import { describe } from './print.ts';
import { keep } from './scope.ts';
import type { Tensor } from './tensor.ts';

/**
 * Moves tensors and their gradients to a device: they stay the same objects, and views follow. All
 * values are read before the first tensor moves.
 * @throws ArgumentError if a tensor is a part of another.
 */
export async function moveToDevice(tensors: readonly Tensor[], device: Device): Promise<void> {
  const moving = tensors.filter((tensor) => tensor.device !== device);
  for (const tensor of moving)
    if (!isDenseAtOrigin(tensor))
      throw new ArgumentError(
        `toDevice: expected tensors with memory of their own, got ${describe(tensor)}, a part of ` +
          'another',
      );
  const read = moving.map(async (tensor) => ({
    tensor,
    values: await tensor.data(),
    grad: tensor.grad && keep(await toDevice(tensor.grad, device)),
  }));
  for (const { tensor, values, grad } of await Promise.all(read)) {
    tensor.grad?.dispose();
    setGradBuffer(tensor, undefined);
    tensor.storage.moveToDevice(device, 4 * wordsOf(tensor));
    tensor.upload(values);
    tensor.grad = grad;
  }
}
