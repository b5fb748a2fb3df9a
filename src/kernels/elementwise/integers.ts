import { defineMap } from '../kit/map.ts';

/** A kernel of two int32, which float32 could not hold beyond 2^24. */
export const defineIntegers = (
  name: string,
  wgsl: string,
  reference: (a: number, b: number) => number,
) =>
  defineMap({
    name,
    inputs: ['a', 'b'],
    types: { a: 'I', b: 'I', out: 'I' },
    wgsl,
    reference,
  });

/** These wrap around at 32 bits, as in PyTorch and C. */
export const addInt = defineIntegers('addInt', 'a + b', (a, b) => (a + b) | 0);
export const subInt = defineIntegers('subInt', 'a - b', (a, b) => (a - b) | 0);
export const mulInt = defineIntegers('mulInt', 'a * b', Math.imul);
export const maximumInt = defineIntegers('maximumInt', 'max(a, b)', Math.max);
export const minimumInt = defineIntegers('minimumInt', 'min(a, b)', Math.min);

const defineComparison = (
  name: string,
  sign: string,
  reference: (a: number, b: number) => boolean,
) => defineIntegers(name, `select(I(0), I(1), a ${sign} b)`, (a, b) => Number(reference(a, b)));
export const eqInt = defineComparison('eqInt', '==', (a, b) => a === b);
export const neInt = defineComparison('neInt', '!=', (a, b) => a !== b);
export const ltInt = defineComparison('ltInt', '<', (a, b) => a < b);
export const leInt = defineComparison('leInt', '<=', (a, b) => a <= b);
export const gtInt = defineComparison('gtInt', '>', (a, b) => a > b);
export const geInt = defineComparison('geInt', '>=', (a, b) => a >= b);

export const whereInt = defineMap({
  name: 'whereInt',
  inputs: ['mask', 'a', 'b'],
  types: { mask: 'I', a: 'I', b: 'I', out: 'I' },
  wgsl: 'select(b, a, mask != I(0))',
  reference: (mask, a, b) => (mask !== 0 ? a : b),
});
