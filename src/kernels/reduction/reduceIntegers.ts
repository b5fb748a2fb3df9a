import { defineKernel, main, wgsl } from '../../device/kernel.ts';
import { reduceLayout } from './reduce.ts';

/** Reductions of int32 as `reduce.ts` does them for floats: exact, and sums and products wrap. */
const LANES = 64;

interface IntegerReduction {
  name: string;
  /** Identity element of `combine`. */
  identity: number;
  combine: (a: string, b: string) => string;
  combineReference: (a: number, b: number) => number;
}

function defineIntegerReduction({ name, identity, combine, combineReference }: IntegerReduction) {
  const { params, cases, inputCount, outputCount, splitAxes, combineInOrder } = reduceLayout;
  return defineKernel({
    name,
    params,
    buffers: {
      x: { type: 'i32', access: 'read', size: inputCount, fill: { below: () => 2 ** 31 - 1 } },
      y: { type: 'i32', access: 'readwrite', size: (p) => p.at + outputCount(p) },
    },
    splitAxes,
    launch: (p) => Math.ceil(outputCount(p) / LANES),
    wgsl: () =>
      main(
        LANES,
        wgsl`  let result = group * ${LANES}u + lane;
  if (result >= p.outer * p.chunks * p.inner) { return; }
  let block = result / p.inner;
  let first = (block % p.chunks) * p.size;
  let base = (block / p.chunks) * p.n * p.inner + result % p.inner;
  var acc = i32(${identity});
  for (var k = first; k < min(first + p.size, p.n); k++) {
    let value = x[base + k * p.inner];
    acc = ${combine('acc', 'value')};
  }
  y[p.at + result] = acc;`,
      ),
    reference: (arrays, p) => combineInOrder(arrays, p, identity, combineReference),
    cases,
  });
}

export const sumIntegers = defineIntegerReduction({
  name: 'sumIntegers',
  identity: 0,
  combine: (a, b) => `${a} + ${b}`,
  combineReference: (a, b) => (a + b) | 0,
});
export const prodIntegers = defineIntegerReduction({
  name: 'prodIntegers',
  identity: 1,
  combine: (a, b) => `${a} * ${b}`,
  combineReference: Math.imul,
});
export const maxIntegers = defineIntegerReduction({
  name: 'maxIntegers',
  identity: -(2 ** 31),
  combine: (a, b) => `max(${a}, ${b})`,
  combineReference: Math.max,
});
export const minIntegers = defineIntegerReduction({
  name: 'minIntegers',
  identity: 2 ** 31 - 1,
  combine: (a, b) => `min(${a}, ${b})`,
  combineReference: Math.min,
});
