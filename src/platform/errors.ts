/** Stable identifiers for programs, one a class; messages are for people and may change. */
export type ErrorCode =
  | 'ERR_USAGE'
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_INVALID_STATE'
  | 'ERR_NOT_FINITE'
  | 'ERR_SAFETENSORS'
  | 'ERR_DOWNLOAD'
  | 'ERR_WRITE'
  | 'ERR_KERNEL'
  | 'ERR_DEVICE_LOST'
  | 'ERR_OUT_OF_MEMORY';

/** Base of all errors that wigbert throws deliberately. */
export abstract class WigbertError extends Error {
  abstract readonly code: ErrorCode;
}

/**
 * A mistake in what the user gave: an option, a file, a folder, a row of data.
 * Messages write options as fields in backticks, such as `learningRate`; the command line turns
 * these into its flags.
 */
export class UsageError extends WigbertError {
  override name = 'UsageError';
  readonly code: ErrorCode = 'ERR_USAGE';
}

/** A value that a function cannot work with: a shape, an axis, a dtype, an index, a number. */
export class ArgumentError extends WigbertError {
  override name = 'ArgumentError';
  readonly code = 'ERR_INVALID_ARGUMENT';
}

/**
 * A call at the wrong time: a disposed tensor, a graph used twice, a read inside a captured step.
 */
export class StateError extends WigbertError {
  override name = 'StateError';
  readonly code = 'ERR_INVALID_STATE';
}

/** NaN or infinity in a loss, in gradients, in weights or in outputs. */
export class NotFiniteError extends WigbertError {
  override name = 'NotFiniteError';
  readonly code = 'ERR_NOT_FINITE';
}

/** A download that failed, or whose content is damaged. */
export class DownloadError extends WigbertError {
  override name = 'DownloadError';
  readonly code = 'ERR_DOWNLOAD';
}

/** The disk is full or broken. */
export class WriteError extends WigbertError {
  override name = 'WriteError';
  readonly code = 'ERR_WRITE';
}
