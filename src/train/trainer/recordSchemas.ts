/** What the records of a training consist of, as JSON has it. */
import * as v from 'valibot';

/** JSON has no NaN or Infinity and writes null for them: a loss that diverged comes back as NaN. */
export const nullableNumber = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Number.NaN),
);

export const positiveInteger = v.pipe(v.number(), v.integer(), v.minValue(1));
