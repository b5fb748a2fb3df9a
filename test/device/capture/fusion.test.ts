import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { fuseLaunches, type LaunchRequest } from '../../../src/device/capture/fusion.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { type FusedOp, kernelText } from '../../../src/device/kernel.ts';
import { openDevice } from '../../../src/device/open.ts';
import { add, affine, mul, toFloat } from '../../../src/kernels/elementwise/arithmetic.ts';
import { fuseElementwise } from '../../../src/kernels/kit/fuseElementwise.ts';
import { runKernel } from '../../../src/measure/fixtures.ts';
import { flatParams } from '../../../src/measure/peaks.ts';
import {
  capture,
  cat,
  gelu,
  scope,
  setDevice,
  type Tensor,
  tensor,
  where,
} from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

const cpu = new CpuDevice();
const native = await tryWebGpu();
const portable = await tryWebGpu({ subgroupSize: 0, software: false });
const wasm = await openDevice('wasm', { threads: 2 });
const narrow = await tryWebGpu({ maxStorageBuffers: 4 });
afterAll(() => {
  setDevice(cpu);
  for (const device of [native, portable, narrow, wasm]) device?.destroy();
});

/** What a step may do with three values that it has; the last two kinds end a chain. */
const operations: ((a: Tensor, b: Tensor, c: Tensor) => Tensor)[] = [
  (a, b) => a.add(b),
  (a, b) => a.mul(b),
  (a, b) => a.sub(b).mul(0.5),
  (a) => a.tanh(),
  (a) => gelu(a),
  (a) => a.pow(2).add(1),
  (a, b, c) => where(a.lt(b), b, c),
  (a, b) => a.ge(b).toFloat(),
  (a) => a.mul(3).toInt().toFloat(),
  (a) => a.relu().neg(),
  (a) => a.contiguous().maximum(0.25),
  (a, b) => a.add(b.mean()),
  (a) => a.flip([0]),
];
const links = fc.array(
  fc.record({
    operation: fc.nat(operations.length - 1),
    operands: fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)),
  }),
  { minLength: 2, maxLength: 14 },
);
const programs = fc.record({
  links,
  size: fc.constantFrom(1, 7, 64, 1000),
  results: fc.array(fc.nat(99), { minLength: 1, maxLength: 4 }),
});
type Program = { links: { operation: number; operands: number[] }[]; results: number[] };

/** Runs a program on its inputs; some of what it makes on the way is its result. */
function interpret({ links, results }: Program, inputs: Tensor[]): Tensor {
  const values = [...inputs];
  for (const { operation, operands } of links) {
    const [a, b, c] = operands.map((at) => values[at % values.length]);
    values.push(operations[operation](a, b, c));
  }
  return cat([values.at(-1)!, ...results.map((at) => values[at % values.length])]);
}

describe.each([
  ['this adapter', native],
  ['an adapter without fixed subgroups', portable],
  ['one that binds four buffers', narrow],
  ['the wasm device', wasm],
] as const)('joined launches on %s', (_, device) => {
  it.skipIf(!device)('give the bits of the launches they stand for', async () => {
    setDevice(device!);
    await fc.assert(
      fc.asyncProperty(programs, async ({ size, ...program }) => {
        const data = [1, 2].map((seed) =>
          Float32Array.from({ length: size }, (_, i) => Math.sin(i * seed + seed)),
        );
        const parameter = tensor(Float32Array.from({ length: size }, (_, i) => Math.cos(i)));
        const expected = scope(() =>
          interpret(program, [...data.map((values) => tensor(values)), parameter]),
        );
        const step = capture(device!, ({ x, y }: { x: Tensor; y: Tensor }) =>
          interpret(program, [x, y, parameter]),
        );
        const [x, y] = data.map((values) => ({ data: values, shape: [size] }));
        expect(await step.run({ x, y })).toEqual(await expected.data());
        expect(await step.run({ x, y })).toEqual(await expected.data());
        step.dispose();
        for (const one of [expected, parameter]) one.dispose();
      }),
      { numRuns: 15, seed: 3, endOnFailure: true },
    );
  });
});

describe.each([
  ['this adapter', native],
  ['the wasm device', wasm],
] as const)('a captured chain on %s', (_, device) => {
  const chain = async (device: Device, times: number) => {
    setDevice(device);
    const x = { data: Float32Array.of(1, 2, 3, 4), shape: [4] };
    const step = capture(device, ({ x }: { x: Tensor }) =>
      Array.from({ length: times }).reduce((y: Tensor) => y.add(x), x),
    );
    const result = await step.run({ x });
    const { launches } = step.plan!;
    step.dispose();
    return { result, launches };
  };

  it.skipIf(!device)('of additions is one launch', async () => {
    expect(await chain(device!, 100)).toEqual({
      result: Float32Array.of(101, 202, 303, 404),
      launches: 1,
    });
  });

  it.skipIf(!device)('of any length is few', async () => {
    const { result, launches } = await chain(device!, 1000);
    expect(result).toEqual(Float32Array.of(1001, 2002, 3003, 4004));
    expect(launches).toBeLessThan(10);
  });
});

describe('joinMaps', () => {
  const floats = flatParams(5) as never;
  const scaled = { ...flatParams(5), scale: 3, shift: 1 } as never;
  /** out1 = 3 (a b) + 1 + a float of c, c being the bits of a. */
  const joined: FusedOp[] = [
    {
      kernel: mul,
      params: floats,
      reads: { in_a: { input: 0 }, in_b: { input: 1 } },
      stored: false,
    },
    { kernel: affine, params: scaled, reads: { in_x: { op: 0 } }, stored: true },
    { kernel: toFloat, params: floats, reads: { in_x: { input: 0 } }, stored: false },
    { kernel: add, params: floats, reads: { in_a: { op: 1 }, in_b: { op: 2 } }, stored: true },
  ];
  const { kernel, params } = fuseElementwise(joined);

  it('stores what is asked for, on all devices', async () => {
    const data = {
      in0: Float32Array.of(1, 2, 3, 4, 5, 0, 0, 0),
      in1: Float32Array.of(2, 2, 2, 2, 2, 0, 0, 0),
    };
    const room = { out1: new Float32Array(8), out3: new Float32Array(8) };
    for (const device of [cpu, native, wasm]) {
      if (!device) continue;
      const { out1, out3 } = await runKernel(device, kernel, { ...data, ...room }, params as never);
      expect([...out1]).toEqual([7, 13, 19, 25, 31]);
      const bits = new Int32Array(data.in0.buffer);
      expect([...out3]).toEqual(
        [...out1].map((value, i) => Math.fround(value + Math.fround(bits[i]))),
      );
    }
  });

  it('gives compilers nothing to simplify across links', () => {
    const text = kernelText(
      kernel,
      { width: 1, lanes: 8, elementsPerLane: 1, interleave: 1 },
      cpu.traits,
    );
    expect(text).toContain('let v0 = opaqueV(op_mul(');
    expect(text).toContain('let v1 = opaqueV(op_affine(');
    expect(text).toContain('let v3 = opaqueV(op_add(');
  });
});

describe('joinElementwise', () => {
  const buffer = (name: string) => ({ bytes: 16, name });
  const [x, y, a, b] = ['x', 'y', 'a', 'b'].map(buffer);
  const at = (of: { bytes: number }, offset = 0) => ({ buffer: of, offset, size: 16 });
  const request = (
    p: ReturnType<typeof at>,
    q: ReturnType<typeof at>,
    out: ReturnType<typeof at>,
  ): LaunchRequest => ({
    kernel: add,
    buffers: { in_a: p, in_b: q, out },
    part: {
      params: {
        ...flatParams(4),
        strides_a: [1],
        strides_b: [1],
        offset_a: 0,
        offset_b: 0,
      } as never,
      starts: {},
    },
  });
  const join = (...requests: LaunchRequest[]) =>
    fuseLaunches(requests, (one) => one === a || one === b, 8);

  it('stores what later launches read, and nothing that they do not', () => {
    const [one] = join(request(at(x), at(x), at(a)), request(at(a), at(x), at(y)));
    expect(Object.keys(one.buffers)).toEqual(['in0', 'out1']);
    const strided = {
      ...request(at(a), at(a), at(b)),
      part: { params: { ...flatParams(4), offset_x: 4 } as never, starts: { a: 4 } },
    };
    expect(
      Object.keys(
        join(request(at(x), at(x), at(a)), request(at(a), at(x), at(y)), strided)[0].buffers,
      ),
    ).toContain('out0');
  });

  it('never lets a launch write what it reads, nor take one part of a buffer for another', () => {
    expect(join(request(at(x), at(y), at(a)), request(at(a), at(y), at(x)))).toHaveLength(2);
    expect(join(request(at(x), at(x), at(y)), request(at(x), at(x), at(y)))).toHaveLength(2);
    expect(join(request(at(x), at(x), at(y)), request(at(y, 16), at(x), at(a)))).toHaveLength(2);
  });

  it('drops what nobody reads', () => {
    expect(join(request(at(x), at(y), at(a)), request(at(a), at(y), at(b)))).toEqual([]);
  });
});
