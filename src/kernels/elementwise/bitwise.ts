import { defineMap } from '../kit/map.ts';

/** Logic of the bits of int32. */
const defineBitwise = (name: string, wgsl: string, reference: (a: number, b: number) => number) =>
  defineMap({
    name,
    inputs: ['a', 'b'],
    types: { a: 'I', b: 'I', out: 'I' },
    wgsl,
    reference,
  });

export const bitwiseAnd = defineBitwise('bitwiseAnd', 'a & b', (a, b) => a & b);
export const bitwiseOr = defineBitwise('bitwiseOr', 'a | b', (a, b) => a | b);
export const bitwiseXor = defineBitwise('bitwiseXor', 'a ^ b', (a, b) => a ^ b);
