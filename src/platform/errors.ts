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

/**
 * Base of all errors that wigbert throws deliberately.
 * @example
 * try {
 *   ones([2, 3]).matmul(ones([2, 3]));
 * } catch (error) {
 *   if (error instanceof WigbertError) console.error(error.code, error.message);
 * }
 */
export abstract class WigbertError extends Error {
  abstract readonly code: ErrorCode;
}

/**
 * A mistake in what the user gave: an option, a file, a folder, a row of data.
 * Messages write options as fields in backticks, such as `learningRate`; the command line turns
 * these into its flags.
 * @example
 * catch (error) {
 *   if (error instanceof UsageError) process.exitCode = 2; // a file or an option is wrong
 * }
 */
export class UsageError extends WigbertError {
  override name = 'UsageError';
  readonly code: ErrorCode = 'ERR_USAGE';
}

/**
 * A value that a function cannot work with: a shape, an axis, a dtype, an index, a number.
 * @example
 * catch (error) {
 *   if (error instanceof ArgumentError) console.error(error.message); // which argument
 * }
 */
export class ArgumentError extends WigbertError {
  override name = 'ArgumentError';
  readonly code = 'ERR_INVALID_ARGUMENT';
}

/**
 * A call at the wrong time: a disposed tensor, a graph used twice, a read inside a captured step.
 * @example
 * const x = tensor([1, 2]);
 * x.dispose();
 * x.add(1); // throws StateError
 */
export class StateError extends WigbertError {
  override name = 'StateError';
  readonly code = 'ERR_INVALID_STATE';
}

/**
 * NaN or infinity in a loss, in gradients, in weights or in outputs.
 * @example
 * catch (error) {
 *   if (error instanceof NotFiniteError) learningRate /= 2; // the training diverged
 * }
 */
export class NotFiniteError extends WigbertError {
  override name = 'NotFiniteError';
  readonly code = 'ERR_NOT_FINITE';
}

/**
 * A download that failed, or whose content is damaged.
 * @example
 * catch (error) {
 *   if (error instanceof DownloadError) console.error(error.message); // try again later
 * }
 */
export class DownloadError extends WigbertError {
  override name = 'DownloadError';
  readonly code = 'ERR_DOWNLOAD';
}

/**
 * The disk is full or broken.
 * @example
 * catch (error) {
 *   if (error instanceof WriteError) console.error(error.message); // the disk is full
 * }
 */
export class WriteError extends WigbertError {
  override name = 'WriteError';
  readonly code = 'ERR_WRITE';
}
