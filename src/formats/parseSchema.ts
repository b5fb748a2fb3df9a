import * as v from 'valibot';
import { UsageError } from '../platform/errors.ts';
import { formatName } from '../platform/format.ts';

/**
 * Checks a parsed JSON value against a schema.
 * @param name names the value in the message
 * @param what describes the expected value in the message
 * @throws UsageError naming the first field that is wrong.
 */
export function parseSchema<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  name: string,
  what: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = formatName(v.getDotPath(issue) ?? 'top');
  throw new UsageError(`${name} is not ${what}: ${field}: ${formatName(issue.message)}`);
}
