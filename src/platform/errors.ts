/** A mistake in what the user gave: wrong option, missing file, bad value. The command line shows its message alone. */
export class UsageError extends Error {
  override name = 'UsageError';
}
