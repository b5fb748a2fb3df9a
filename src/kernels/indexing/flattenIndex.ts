import { defineMap } from '../kit/map.ts';

/**
 * Joins the index of one more dimension of n places to that of the dimensions before: upper n +
 * index. Negative indices count from the end; -1 if one is out of range.
 */
export const flattenIndex = defineMap({
  name: 'flattenIndex',
  inputs: ['upper', 'index', 'n'],
  types: { upper: 'I', index: 'I', n: 'I', out: 'I' },
  wgsl: 'flattenIndex_(upper, index, n)',
  functions: `
fn flattenIndex_(upper: I, index: I, n: I) -> I {
  let place = select(index, index + n, index < I(0));
  return select(I(-1), upper * n + place, (upper >= I(0)) & (place >= I(0)) & (place < n));
}
`,
  reference: (upper, index, n) => {
    const place = index < 0 ? index + n : index;
    return upper >= 0 && place >= 0 && place < n ? upper * n + place : -1;
  },
});
