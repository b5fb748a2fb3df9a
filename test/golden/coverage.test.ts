import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as library from '../../src/tensor/index.ts';
import { Tensor } from '../../src/tensor/index.ts';
import { ownSet } from '../support/golden.ts';
import { operations as exempt } from '../tensor/walk/exempt.ts';

interface Run {
  fn?: string;
  layer?: string;
  args: unknown[];
}

/** Names of the functions in a run, nested ones too. */
const names = ({ fn, layer, args }: Run): string[] => [
  ...(fn ? [fn] : [`nn.${layer}`]),
  ...args.flatMap((arg) =>
    arg !== null && typeof arg === 'object' && 'fn' in arg ? names(arg as Run) : [],
  ),
];

const { cases } = JSON.parse(ownSet.text('ops/ops.json')) as {
  cases: { op: string; inputs: { grad?: string }[]; attrs: { run: Run } }[];
};
const covered = new Set(cases.flatMap(({ attrs }) => names(attrs.run)));
const withGradients = new Set(
  cases.flatMap((c) => (c.inputs.some(({ grad }) => grad) ? names(c.attrs.run) : [])),
);

/** Draw random numbers, which PyTorch draws in another way. */
const RANDOM = `dropout multinomial rand randLike randint randn randnLike randperm`.split(' ');
/** No operations: devices, memory, the tape, reading and writing. */
const OTHERS = `backward capture data defaultDevice dispose empty emptyLike getRngState
  isContiguous item keep manualSeed noGrad requiresGrad_ scope setDevice setRngState tensor
  toString tolist upload useDevice constructor enableGrad inferenceMode isGradEnabled
  setGradEnabled grad checkpoint registerHook retainGrad toDevice cpu
  detectAnomaly isAnomalyEnabled print to float half bfloat16 int bool`.split(/\s+/);
/** Without a gradient, in PyTorch too. */
const FLAT = `all any argmax argmin argsort eq floorDivide ge gt isfinite isinf isnan le
  logicalAnd logicalNot logicalOr logicalXor lt maskedSelect ne nonzero oneHot toFloat toInt
  arange eye
  full fullLike linspace ones onesLike zeros zerosLike asStrided add_ sub_ mul_ div_ copy_ fill_
  zero_ clamp_ lerp_ addcmul_ addcdiv_`.split(/\s+/);

const functions = Object.entries(library).flatMap(([name, value]) =>
  typeof value === 'function' && /^[a-z]/.test(name) ? [name] : [],
);
const methods = Object.entries(Object.getOwnPropertyDescriptors(Tensor.prototype)).flatMap(
  ([name, { value }]) => (typeof value === 'function' ? [name] : []),
);
/** Operations that test/tensor/walk compares with PyTorch, values and gradients. */
const walked: string[] = JSON.parse(
  readFileSync(new URL('../tensor/walk/cases.json', import.meta.url), 'utf8'),
).operations.map(({ name }: { name: string }) => name);
const elsewhere = new Set([...RANDOM, ...OTHERS, ...Object.keys(exempt), ...walked]);
const operations = [...new Set([...functions, ...methods])];

describe('the own set', () => {
  it('has each operation that the walk has not: test/golden/generate/cases.py lists them', () => {
    expect(covered.size).toBeGreaterThan(150);
    const missing = operations.filter((name) => !covered.has(name) && !elsewhere.has(name));
    expect(missing).toEqual([]);
  });

  it('has gradients of each operation that has one', () => {
    const flat = operations.filter((name) => covered.has(name) && !withGradients.has(name));
    expect(flat.filter((name) => !FLAT.includes(name))).toEqual([]);
  });
});
