import { defineKernel, main, wgsl } from '../../device/kernel.ts';
import { isNanWgsl } from '../kit/mathFunctions.ts';
import { splitAlong } from '../kit/splitAxis.ts';

/**
 * Running results along the middle axis of [outer, n, inner]. Forward, each lane walks a line of
 * its own; a gradient has a lane for each element.
 */
const LANES = 64;
const params = { outer: 'u32', n: 'u32', inner: 'u32' } as const;
type P = Record<keyof typeof params, number>;
const size = (p: P) => p.outer * p.n * p.inner;
const cases: P[] = [
  { outer: 3, n: 7, inner: 1 },
  { outer: 2, n: 40, inner: 33 },
];
const splitBy =
  <Q extends P>(...names: string[]) =>
  (p: Q, alignment: number) => [
    splitAlong(
      p,
      'outer' as keyof Q & string,
      Object.fromEntries(names.map((name) => [name, p.n * p.inner])),
      alignment,
    ),
  ];

/** WGSL: `body` for each place `at` of a line, in order, after `before`. */
const walkLine = (before: string, body: string, from = '0u'): string =>
  main(
    LANES,
    wgsl`  let line = group * ${LANES}u + lane;
  if (line >= p.outer * p.inner) { return; }
  let start = (line / p.inner) * p.n * p.inner + line % p.inner;
  ${before}
  for (var k = ${from}; k < p.n; k++) {
    let at = start + k * p.inner;
    ${body}
  }`,
  );

function forEachLine({ outer, n, inner }: P, visit: (places: number[]) => void): void {
  for (let line = 0; line < outer * inner; line++) {
    const start = Math.floor(line / inner) * n * inner + (line % inner);
    visit(Array.from({ length: n }, (_, k) => start + k * inner));
  }
}

const lines = (p: P) => Math.ceil((p.outer * p.inner) / LANES);

function defineRunning<T extends 'f32' | 'i32'>(
  name: string,
  type: T,
  [wgslOf, of]: readonly [combine: string, reference: (a: number, b: number) => number],
  identity: number,
) {
  const fill = type === 'f32' ? ('positive' as const) : { below: () => 2 ** 31 - 1 };
  return defineKernel({
    name,
    params,
    buffers: {
      x: { type: type as 'f32' | 'i32', access: 'read', size, fill },
      y: { type: type as 'f32' | 'i32', access: 'write', size },
    },
    launch: lines,
    splitAxes: splitBy('x', 'y'),
    wgsl: () => walkLine(`var total = ${type}(${identity});`, `total = ${wgslOf}; y[at] = total;`),
    reference({ x, y }, p) {
      forEachLine(p, (places) => {
        let total = identity;
        for (const at of places) y[at] = total = of(total, x[at]);
      });
    },
    cases,
  });
}

/** y[i] = x[0] + … + x[i] of int32, which wraps. */
export const cumsumIntegers = defineRunning(
  'cumsumIntegers',
  'i32',
  ['total + x[at]', (a, b) => (a + b) | 0],
  0,
);
/** y[i] = x[0] · … · x[i]. */
export const cumprod = defineRunning('cumprod', 'f32', ['total * x[at]', (a, b) => a * b], 1);
/** The same of int32, which wraps. */
export const cumprodIntegers = defineRunning(
  'cumprodIntegers',
  'i32',
  ['total * x[at]', Math.imul],
  1,
);

/** WGSL: `body` for each place `to` from the own place `at` on, after `before`; adds to `total`. */
const walkOnwards = (before: string, body: string): string =>
  main(
    LANES,
    wgsl`  let at = group * ${LANES}u + lane;
  if (at >= p.outer * p.n * p.inner) { return; }
  let own = at / p.inner % p.n;
  let start = at - own * p.inner;
  var total = 0.0;
  ${before}
  for (var k = own; k < p.n; k++) {
    let to = start + k * p.inner;
    ${body}
  }
  dx[at] = total;`,
  );

/** dx[k] = Σ dy[i] · Π x[j] over i ≥ k and j ≤ i without k: exact where elements are 0. */
export const cumprodBackward = defineKernel({
  name: 'cumprodBackward',
  params,
  buffers: {
    x: { type: 'f32', access: 'read', size, fill: 'positive' },
    dy: { type: 'f32', access: 'read', size },
    dx: { type: 'f32', access: 'write', size },
  },
  launch: (p) => Math.ceil(size(p) / LANES),
  splitAxes: splitBy('x', 'dy', 'dx'),
  wgsl: () =>
    walkOnwards(
      `var others = 1.0;
  for (var k = 0u; k < own; k++) { others *= x[start + k * p.inner]; }`,
      'if (k > own) { others *= x[to]; } total += dy[to] * others;',
    ),
  reference({ x, dy, dx }, p) {
    forEachLine(p, (places) => {
      places.forEach((at, own) => {
        let others = places.slice(0, own).reduce((product, place) => product * x[place], 1);
        let total = 0;
        for (const to of places.slice(own)) {
          if (to !== at) others *= x[to];
          total += dy[to] * others;
        }
        dx[at] = total;
      });
    });
  },
  cases,
});

const LOWEST = '-3.4028234663852886e38';

/** y[i] = log Σ exp(x[k]) over k ≤ i, shifted by the maximum so far. */
export const logcumsumexp = defineKernel({
  name: 'logcumsumexp',
  params,
  buffers: {
    x: { type: 'f32', access: 'read', size },
    y: { type: 'f32', access: 'write', size },
  },
  launch: lines,
  splitAxes: splitBy('x', 'y'),
  wgsl: () =>
    `${isNanWgsl}${walkLine(
      `var largest = f32(${LOWEST}); var total = 0.0; var broken = 0.0;`,
      `let value = x[at];
    if (isNan(value)) { broken = value; }
    let next = min(max(largest, value), -(${LOWEST}));
    total = total * exp(largest - next) + exp(value - next);
    largest = next;
    y[at] = select(largest + log(total), broken, isNan(broken));`,
    )}`,
  reference({ x, y }, p) {
    forEachLine(p, (places) => {
      let [largest, total] = [Number(LOWEST), 0];
      for (const at of places) {
        const next = Math.min(Math.max(largest, x[at]), -Number(LOWEST));
        total = total * Math.exp(largest - next) + Math.exp(x[at] - next);
        largest = next;
        y[at] = largest + Math.log(total);
      }
    });
  },
  cases,
});

/** dx[k] = Σ dy[i] exp(x[k] - y[i]) over i ≥ k; 0 where nothing but -Infinity was added. */
export const logcumsumexpBackward = defineKernel({
  name: 'logcumsumexpBackward',
  params,
  buffers: {
    x: { type: 'f32', access: 'read', size },
    y: { type: 'f32', access: 'read', size, fill: 'positive' },
    dy: { type: 'f32', access: 'read', size },
    dx: { type: 'f32', access: 'write', size },
  },
  launch: (p) => Math.ceil(size(p) / LANES),
  splitAxes: splitBy('x', 'y', 'dy', 'dx'),
  wgsl: () =>
    walkOnwards(
      '',
      `if (x[at] >= ${LOWEST} || isNan(x[at])) { total += dy[to] * exp(x[at] - y[to]); }`,
    ).replace(/^/, isNanWgsl),
  reference({ x, y, dy, dx }, p) {
    forEachLine(p, (places) => {
      places.forEach((at, own) => {
        dx[at] = places
          .slice(own)
          .reduce(
            (total, to) =>
              total + (x[at] === Number.NEGATIVE_INFINITY ? 0 : dy[to] * Math.exp(x[at] - y[to])),
            0,
          );
      });
    });
  },
  cases,
});

/**
 * index[i]: place of the largest (largest 1) or smallest (0) of x[0] … x[i], or of the last NaN;
 * of equal ones the last.
 */
function defineRunningIndex<T extends 'f32' | 'i32'>(name: string, type: T) {
  const isFloat = type === 'f32';
  const isNan = (x: string) => (isFloat ? `isNan(${x})` : 'false');
  return defineKernel({
    name,
    params: { ...params, largest: 'u32' },
    buffers: {
      x: { type: type as 'f32' | 'i32', access: 'read', size },
      index: { type: 'i32', access: 'write', size },
    },
    launch: lines,
    splitAxes: splitBy('x', 'index'),
    wgsl: () =>
      (isFloat ? isNanWgsl : '') +
      walkLine(
        'var best = x[start]; var place = 0u;',
        `let value = x[at];
    let isBetter = select(value <= best, value >= best, p.largest == 1u);
    if (${isNan('value')} || (!${isNan('best')} && isBetter)) { best = value; place = k; }
    index[at] = i32(place);`,
      ),
    reference({ x, index }, p) {
      forEachLine(p, (places) => {
        let best = 0;
        places.forEach((at, k) => {
          const [value, before] = [x[at], x[places[best]]];
          const isBetter = p.largest ? value >= before : value <= before;
          if (Number.isNaN(value) || (!Number.isNaN(before) && isBetter)) best = k;
          index[at] = best;
        });
      });
    },
    cases: cases.flatMap((p) => [0, 1].map((largest) => ({ ...p, largest }))),
  });
}
export const runningIndex = defineRunningIndex('runningIndex', 'f32');
export const runningIndexIntegers = defineRunningIndex('runningIndexIntegers', 'i32');
