import * as v from 'valibot';
import { UsageError } from '../platform/errors.ts';

/**
 * What JSON gave, as what it is to be.
 * @param name stands for it in the message, `what` for what it is to be
 * @throws UsageError when it is not, naming the first place that is wrong.
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
  throw new UsageError(`${name} is not ${what}: ${v.getDotPath(issue) ?? 'top'}: ${issue.message}`);
}
