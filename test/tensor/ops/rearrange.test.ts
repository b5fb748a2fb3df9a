import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('rearranging and products on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray, shape?: number[]) =>
    w.tensor(data, { shape, device: device! });
  const range = (...shape: number[]) =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
      shape,
    );

  here('repeat, tile and repeatInterleave', async () => {
    const x = range(2, 2);
    expect(await x.repeat([1, 2]).tolist()).toEqual([
      [0, 1, 0, 1],
      [2, 3, 2, 3],
    ]);
    expect(await range(2).repeat([2, 2]).tolist()).toEqual([
      [0, 1, 0, 1],
      [0, 1, 0, 1],
    ]);
    expect(x.repeat([3, 0]).shape).toEqual([6, 0]);
    expect(await tensor(4).repeat([2]).tolist()).toEqual([4, 4]);
    expect(await x.tile([2]).tolist()).toEqual(await x.repeat([1, 2]).tolist());
    expect(await range(2).tile([2, 1]).tolist()).toEqual([
      [0, 1],
      [0, 1],
    ]);
    const ints = tensor(Int32Array.of(7, 8)).repeat([2]);
    expect([ints.dtype, await ints.tolist()]).toEqual(['int32', [7, 8, 7, 8]]);
    expect(await x.repeatInterleave(2, 1).tolist()).toEqual([
      [0, 0, 1, 1],
      [2, 2, 3, 3],
    ]);
    expect(await x.repeatInterleave([1, 0, 2, 1]).tolist()).toEqual([0, 2, 2, 3]);
    expect(await x.repeatInterleave([0, 2], -2).tolist()).toEqual([
      [2, 3],
      [2, 3],
    ]);
    expect(() => x.repeat([2])).toThrow(/^repeat: expected 2 or more integers ≥ 0 for \[2, 2\]/);
    expect(() => x.tile([-1])).toThrow(/^tile: expected/);
    expect(() => x.repeatInterleave([1], 0)).toThrow(/expected an integer ≥ 0 or 2 of them/);
  });

  here('unbind, roll, movedim, diagonal, tril and triu', async () => {
    const x = range(2, 3);
    expect(await Promise.all(x.unbind(1).map((y) => y.tolist()))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(await x.roll(1).tolist()).toEqual([
      [5, 0, 1],
      [2, 3, 4],
    ]);
    expect(await x.roll([-1, 4], [1, 0]).tolist()).toEqual([
      [1, 2, 0],
      [4, 5, 3],
    ]);
    const y = range(2, 3, 4);
    expect(y.movedim(0, -1).shape).toEqual([3, 4, 2]);
    expect(y.movedim([0, 1], [2, 0]).shape).toEqual([3, 4, 2]);
    expect(await y.movedim(2, 0).select(0, 1).tolist()).toEqual([
      [1, 5, 9],
      [13, 17, 21],
    ]);
    expect(await x.diagonal().tolist()).toEqual([0, 4]);
    expect(await x.diagonal(1).tolist()).toEqual([1, 5]);
    expect(await x.diagonal(-1).tolist()).toEqual([3]);
    expect(x.diagonal(5).shape).toEqual([0]);
    expect(await y.diagonal(1, -1, 0).tolist()).toEqual([[12], [16], [20]]);
    expect(await range(3, 3).triu().tolist()).toEqual([
      [0, 1, 2],
      [0, 4, 5],
      [0, 0, 8],
    ]);
    expect(await x.triu(1).tolist()).toEqual([
      [0, 1, 2],
      [0, 0, 5],
    ]);
    expect(await x.tril(-1).tolist()).toEqual([
      [0, 0, 0],
      [3, 0, 0],
    ]);
    expect(() => y.flatten(2, 1)).toThrow('flatten: expected a start before the end, got 2 and 1');
    const refused: [() => unknown, RegExp][] = [
      [() => tensor(1).unbind(), /^unbind: a scalar has no dimension/],
      [() => x.roll([1, 2], 0), /^roll: expected 1 whole numbers as shifts, got \[1, 2\]/],
      [() => x.movedim([0, 0], [0, 1]), /^movedim: expected as many different places/],
      [() => x.diagonal(0, 1, -1), /^diagonal: expected two different dimensions of \[2, 3\]/],
      [() => range(3).triu(), /^triu: expected 2 or more dimensions, got \[3\]/],
      [() => range(3).tril(), /^tril: expected 2 or more dimensions, got \[3\]/],
      [() => x.triu(0.5), /^triu: .*diagonal/],
      [() => x.tril(0.5), /^tril: .*diagonal/],
    ];
    for (const [attempt, message] of refused) expect(attempt).toThrow(message);
  });

  here('bmm and outer', async () => {
    expect(await w.bmm(range(2, 1, 2), range(2, 2, 1)).tolist()).toEqual([[[1]], [[13]]]);
    expect(await range(2).outer(range(3)).tolist()).toEqual([
      [0, 0, 0],
      [0, 1, 2],
    ]);
    expect(() => w.bmm(range(1, 1, 2), range(2, 2, 1))).toThrow(
      /^bmm: expected \[batch, m, k\] and \[batch, k, n\], got \[1, 1, 2\] and \[2, 2, 1\]/,
    );
    expect(() => w.outer(range(2, 1), range(2))).toThrow(/^outer: expected two vectors/);
  });

  /** einsum by loops over all letters; no ellipsis. */
  const reference = (equation: string, operands: [Float32Array, number[]][]): number[] => {
    const [inputs, target] = equation.split('->');
    const terms = inputs.split(',');
    const sizes = new Map<string, number>();
    operands.forEach(([, shape], i) => {
      [...terms[i]].forEach((c, d) => {
        sizes.set(c, Math.max(sizes.get(c) ?? 1, shape[d]));
      });
    });
    const letters = [...target, ...[...sizes.keys()].filter((c) => !target.includes(c))];
    const out = Array<number>([...target].reduce((n, c) => n * sizes.get(c)!, 1)).fill(0);
    const count = letters.reduce((n, c) => n * sizes.get(c)!, 1);
    for (let i = 0; i < count; i++) {
      const at = new Map<string, number>();
      let rest = i;
      for (const c of letters.toReversed()) {
        at.set(c, rest % sizes.get(c)!);
        rest = Math.floor(rest / sizes.get(c)!);
      }
      const place = (term: string, shape: (d: number) => number) =>
        [...term].reduce((p, c, d) => p * shape(d) + (shape(d) === 1 ? 0 : at.get(c)!), 0);
      const product = operands.reduce(
        (p, [data, shape], k) => p * data[place(terms[k], (d) => shape[d])],
        1,
      );
      out[place(target, (d) => sizes.get(target[d])!)] += product;
    }
    return out;
  };

  here('einsum agrees with loops', async () => {
    const draws = new Philox(21);
    const cases: [equation: string, ...shapes: number[][]][] = [
      ['ij->ji', [2, 3]],
      ['ij->', [2, 3]],
      ['ii->i', [3, 3]],
      ['iii->i', [3, 3, 3]],
      ['iji->j', [2, 3, 2]],
      ['ij,jk->ik', [2, 3], [3, 4]],
      ['bqd,bkd->bqk', [2, 3, 4], [2, 5, 4]],
      ['bhqd,bhkd->bhqk', [2, 2, 3, 4], [2, 2, 3, 4]],
      ['i,j->ij', [2], [3]],
      ['ij,ij->ij', [2, 3], [2, 3]],
      ['ij,kl->jl', [2, 3], [4, 2]],
      ['bn,anm,bm->ba', [2, 3], [4, 3, 2], [2, 2]],
      ['ij,jk,kl->li', [2, 3], [3, 2], [2, 4]],
      ['ij,jk->ik', [2, 1], [3, 4]],
    ];
    for (const [equation, ...shapes] of cases) {
      const operands = shapes.map((shape): [Float32Array, number[]] => {
        const size = shape.reduce((a, b) => a * b, 1);
        return [Float32Array.from({ length: size }, () => draws.normal()), shape];
      });
      const y = w.einsum(equation, ...operands.map(([data, shape]) => tensor(data, shape)));
      const expected = reference(equation, operands);
      const found = await y.contiguous().data();
      expect(found.length, equation).toBe(expected.length);
      expected.forEach((value, i) => {
        expect(Math.abs(found[i] - value), equation).toBeLessThan(1e-5);
      });
    }
  });

  here('einsum knows implicit results and ellipses, and refuses nonsense', async () => {
    const [a, b] = [range(2, 3), range(3, 2)];
    const product = await a.matmul(b).tolist();
    expect(await w.einsum('ij,jk', a, b).tolist()).toEqual(product);
    expect(await w.einsum('ba', a).tolist()).toEqual(await a.transpose(0, 1).tolist());
    expect(await w.einsum('ii', range(2, 2)).item()).toBe(3);
    const batch = range(2, 1, 2, 3);
    const y = w.einsum('...ij, ...jk -> ...ik', batch, range(4, 3, 2));
    expect(y.shape).toEqual([2, 4, 2, 2]);
    expect(await y.tolist()).toEqual(await batch.matmul(range(4, 3, 2)).tolist());
    expect(w.einsum('...ij->...', batch).shape).toEqual([2, 1]);
    expect(w.einsum('i...', range(2, 3)).shape).toEqual([3, 2]);
    expect(w.einsum('ij,jk->ik', range(0, 3), b).shape).toEqual([0, 2]);
    const refused: [() => unknown, RegExp][] = [
      [() => w.einsum('ij,jk->ik', a), /^einsum: 'ij,jk->ik': expected 1 terms/],
      [() => w.einsum('ijk->i', a), /'ijk' does not fit the shape \[2, 3\]/],
      [() => w.einsum('ij,jk->ik', a, a), /sizes 3 and 2 of 'j' differ/],
      [() => w.einsum('ii->i', a), /sizes 2 and 3 of 'i' differ/],
      [() => w.einsum('ij->k', a), /'k' of the result is in no operand/],
      [() => w.einsum('ij->ii', a), /'ii' repeats a letter/],
      [() => w.einsum('i1->i', a), /expected letters and at most one/],
    ];
    for (const [attempt, message] of refused) expect(attempt).toThrow(message);
  });
});
