import { expect, test } from 'vitest';
import { defineKernel } from '../../src/device/kernel.ts';
import { softmax } from '../../src/kernels/normalization/softmax.ts';
import { launch } from '../../src/tensor/launch.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Compiled, never called: `npm run typecheck` fails if one of the errors is none. */
function mistakes(x: Tensor, y: Tensor): void {
  const sizes = { rows: 1, cols: 1 };
  launch(softmax, { x, y }, sizes);
  // @ts-expect-error a misspelt buffer
  launch(softmax, { x, z: y }, sizes);
  // @ts-expect-error a missing buffer
  launch(softmax, { x }, sizes);
  // @ts-expect-error a misspelt parameter
  launch(softmax, { x, y }, { rows: 1, columns: 1 });
  const ids: Int32Array = Int32Array.of(1);
  // @ts-expect-error the array of another element type
  softmax.reference({ x: ids, y: ids }, sizes);
  defineKernel({
    name: 'mistaken',
    params: { count: 'u32' },
    buffers: { ids: { type: 'i32', access: 'read', size: (p) => p.count } },
    wgsl: () => '',
    launch: () => 1,
    // @ts-expect-error a buffer that the kernel does not have
    reference: ({ idz }) => void idz,
    cases: [],
  });
}

test('buffers of a kernel have names', () => {
  expect(mistakes).toBeTypeOf('function');
  expect(Object.keys(softmax.buffers)).toEqual(['x', 'y']);
});
