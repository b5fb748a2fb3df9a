import { defineIntegers } from './integers.ts';

/** Logic of the bits of int32. */

export const bitwiseAnd = defineIntegers('bitwiseAnd', 'a & b', (a, b) => a & b);
export const bitwiseOr = defineIntegers('bitwiseOr', 'a | b', (a, b) => a | b);
export const bitwiseXor = defineIntegers('bitwiseXor', 'a ^ b', (a, b) => a ^ b);
