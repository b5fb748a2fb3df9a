export type { Device, MemoryUse } from './device/device.ts';
export { DeviceLostError, KernelError, OutOfMemoryError } from './device/errors.ts';
export { type DeviceOptions, openDevice } from './device/open.ts';
export {
  parseSafetensors,
  type RawTensor,
  type SafetensorsDtype,
  SafetensorsError,
  serializeSafetensors,
  type TensorToWrite,
  toFloat16,
  toFloat32,
  toInt32,
} from './formats/safetensors/file.ts';
export * as nn from './nn/index.ts';
export * as optim from './nn/optim/index.ts';
export {
  Adam,
  AdamW,
  clipGradNorm,
  getConstantScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  type OptimizerState,
  SGD,
} from './nn/optim/index.ts';
export {
  ArgumentError,
  DownloadError,
  type ErrorCode,
  NotFiniteError,
  StateError,
  UsageError,
  WigbertError,
  WriteError,
} from './platform/errors.ts';
export * from './tensor/index.ts';
export { loadSafetensors, saveSafetensors } from './tensor/safetensors.ts';
