import { empty, type Tensor } from 'wigbert';
import { defineKernel, Function, type FunctionContext, launch, main, wgsl } from 'wigbert/kernels';

/**
 * SwiGLU (Shazeer 2020, arXiv 2002.05202), the activation of many language models: a row holds
 * gates and values, x = [a, b], and the result is silu(a) b, half as wide. Two kernels and a
 * function that joins them.
 */

interface Sizes {
  rows: number;
  cols: number;
}
const params = { rows: 'u32', cols: 'u32' } as const;
const wide = ({ rows, cols }: Sizes) => 2 * rows * cols;
const narrow = ({ rows, cols }: Sizes) => rows * cols;
const workgroups = (p: Sizes) => Math.ceil(narrow(p) / 64);
// What tests check and the benchmark times: a size that fills no workgroup, and larger ones.
const cases = [
  { rows: 3, cols: 5 },
  { rows: 64, cols: 128 },
  { rows: 512, cols: 384 },
];

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** WGSL: element i of the result, with its gate `a` and its value `b`. */
const eachElement = (body: string) =>
  main(
    64,
    wgsl`  let i = group * 64u + lane;
  if (i >= p.rows * p.cols) { return; }
  let left = (i / p.cols) * 2u * p.cols + i % p.cols;
  let right = left + p.cols;
  let a = x[left];
  let b = x[right];
  let gate = 1.0 / (1.0 + exp(-a));
${body}`,
  );

/** y = silu(a) b. x: [rows, 2 cols], y: [rows, cols]. */
export const swigluForward = defineKernel({
  name: 'swiglu',
  params,
  buffers: {
    x: { type: 'f32', access: 'read', size: wide },
    y: { type: 'f32', access: 'write', size: narrow },
  },
  launch: workgroups,
  wgsl: () => eachElement('  y[i] = a * gate * b;'),
  reference({ x, y }, { rows, cols }) {
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < cols; c++) {
        const [a, b] = [x[2 * r * cols + c], x[(2 * r + 1) * cols + c]];
        y[r * cols + c] = a * sigmoid(a) * b;
      }
  },
  cases,
});

/** dx from dy. x, dx: [rows, 2 cols], dy: [rows, cols]. */
export const swigluBackward = defineKernel({
  name: 'swigluBackward',
  params,
  buffers: {
    x: { type: 'f32', access: 'read', size: wide },
    dy: { type: 'f32', access: 'read', size: narrow },
    dx: { type: 'f32', access: 'write', size: wide },
  },
  launch: workgroups,
  wgsl: () =>
    eachElement(wgsl`  dx[left] = dy[i] * b * gate * (1.0 + a * (1.0 - gate));
  dx[right] = dy[i] * a * gate;`),
  reference({ x, dy, dx }, { rows, cols }) {
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < cols; c++) {
        const [left, right] = [2 * r * cols + c, (2 * r + 1) * cols + c];
        const [a, b, d] = [x[left], x[right], dy[r * cols + c]];
        dx[left] = d * b * sigmoid(a) * (1 + a * (1 - sigmoid(a)));
        dx[right] = d * a * sigmoid(a);
      }
  },
  cases,
});

class SwiGLU extends Function {
  static forward(ctx: FunctionContext, x: Tensor): Tensor {
    const cols = (x.shape.at(-1) ?? 0) / 2;
    if (!Number.isInteger(cols))
      throw new RangeError(`swiglu: expected an even last dimension, got [${x.shape.join(', ')}]`);
    const y = empty([...x.shape.slice(0, -1), cols], { device: x.device });
    launch(swigluForward, { x, y }, { rows: cols && y.size / cols, cols });
    ctx.saveForBackward(x);
    return y;
  }

  static backward(ctx: FunctionContext, dy: Tensor): Tensor {
    const [x] = ctx.savedTensors;
    const cols = dy.shape.at(-1)!;
    const dx = empty(x.shape, { device: x.device });
    launch(swigluBackward, { x, dy, dx }, { rows: cols && dy.size / cols, cols });
    return dx;
  }
}

/** silu(a) b of x = [a, b] along the last dimension: [..., 2 n] → [..., n]. */
export const swiglu = (x: Tensor): Tensor => SwiGLU.apply(x);
