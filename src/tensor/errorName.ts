import { ArgumentError, StateError } from '../platform/errors.ts';

/** Runs `body`; the messages of its errors begin with `name`, in place of the name in them. */
export function underName<T>(name: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw renamed(error, name);
  }
}

/** An error with its message under another name. */
export function renamed(error: unknown, name: string): unknown {
  if (error instanceof ArgumentError || error instanceof StateError) {
    const message = `${name}: ${error.message.replace(/^[A-Za-z]\w*: /, '')}`;
    error.stack = error.stack?.replace(error.message, () => message);
    error.message = message;
  }
  return error;
}
