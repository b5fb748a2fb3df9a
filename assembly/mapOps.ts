/** The operations of element-by-element kernels, on four elements at a time. */
import * as math from './math';

/** Numbers of the operations, in the order of `operations` in src/kernels/kit/mapWasm.ts. */
enum Op {
  Copy, Add, Sub, Mul, Div, Maximum, Minimum, Affine,
  Exp, Log, Sqrt, Rsqrt, Reciprocal, Abs, Sign, Tanh, Sigmoid, Relu, Erf, Softplus,
  Gelu, GeluTanh, GeluBackward, GeluTanhBackward,
  Clamp, LeakyRelu, Eq, Ne, Lt, Le, Gt, Ge, ToFloat, ToInt, Where, WhereInt,
  TanhBackward, SigmoidBackward, ReluBackward, LeakyReluBackward, ClampBackward, ErfBackward,
  DivBackward, AddInt, SubInt, MulInt, EqInt, NeInt, LtInt, LeInt, GtInt, GeInt, DivideBy,
}

// @ts-ignore: decorator
@inline
function c(x: f32): v128 {
  return f32x4.splat(x);
}

/** 1 where a comparison holds. */
// @ts-ignore: decorator
@inline
function bit(mask: v128): v128 {
  return i32x4.neg(mask);
}

/**
 * out[i] = op(x[i], y[i], z[i]) for `vectors` × 4 elements. `s` and `t` are the operation's
 * numbers, and an operand that it lacks may have any address.
 */
export function applyOp(
  op: u32,
  vectors: u32,
  out: usize,
  x: usize,
  y: usize,
  z: usize,
  s: f32,
  t: f32,
): void {
  if (vectors == 0) return;
  const end = out + (<usize>vectors << 4);
  // Common operations of many steps have loops of their own. V8 keeps constants outside of loops
  // only if the body has no branches and comes before the condition. The costly ones take two
  // vectors at a time, which share the loads of constants.
  switch (op) {
    case Op.Gelu:
      if (vectors & 1) {
        v128.store(out, math.gelu(v128.load(x)));
        out += 16;
        x += 16;
        if (out >= end) return;
      }
      do {
        const y0 = math.gelu(v128.load(x)), y1 = math.gelu(v128.load(x, 16));
        v128.store(out, y0);
        v128.store(out, y1, 16);
        out += 32;
        x += 32;
      } while (out < end);
      return;
    case Op.GeluBackward:
      if (vectors & 1) {
        v128.store(out, f32x4.mul(v128.load(x), math.geluSlope(v128.load(y))));
        out += 16;
        x += 16;
        y += 16;
        if (out >= end) return;
      }
      do {
        const a = v128.load(y), b = v128.load(y, 16);
        const dx0 = f32x4.mul(v128.load(x), math.geluSlope(a));
        const dx1 = f32x4.mul(v128.load(x, 16), math.geluSlope(b));
        v128.store(out, dx0);
        v128.store(out, dx1, 16);
        out += 32;
        x += 32;
        y += 32;
      } while (out < end);
      return;
    case Op.GeluTanh:
      do {
        v128.store(out, math.geluTanh(v128.load(x)));
        out += 16;
        x += 16;
      } while (out < end);
      return;
    case Op.GeluTanhBackward:
      do {
        v128.store(out, f32x4.mul(v128.load(x), math.geluTanhSlope(v128.load(y))));
        out += 16;
        x += 16;
        y += 16;
      } while (out < end);
      return;
    case Op.Exp:
      do {
        v128.store(out, math.exp(v128.load(x)));
        out += 16;
        x += 16;
      } while (out < end);
      return;
    case Op.Tanh:
      do {
        v128.store(out, math.tanh(v128.load(x)));
        out += 16;
        x += 16;
      } while (out < end);
      return;
    default:
      do {
        v128.store(out, evaluate(op, v128.load(x), v128.load(y), v128.load(z), s, t));
        out += 16;
        x += 16;
        y += 16;
        z += 16;
      } while (out < end);
  }
}

// @ts-ignore: decorator
@inline
function evaluate(op: u32, x: v128, y: v128, z: v128, s: f32, t: f32): v128 {
  switch (op) {
    case Op.Copy: return x;
    case Op.Add: return f32x4.add(x, y);
    case Op.Sub: return f32x4.sub(x, y);
    case Op.Mul: return f32x4.mul(x, y);
    case Op.Div: return f32x4.div(x, y);
    case Op.Maximum: return f32x4.max(x, y);
    case Op.Minimum: return f32x4.min(x, y);
    case Op.Affine: return f32x4.add(f32x4.mul(x, c(s)), c(t));
    case Op.Log: return math.log(x);
    case Op.Sqrt: return f32x4.sqrt(x);
    case Op.Rsqrt: return f32x4.div(c(1), f32x4.sqrt(x));
    case Op.Reciprocal: return f32x4.div(c(1), x);
    case Op.Abs: return f32x4.abs(x);
    case Op.Sign:
      return v128.or(v128.and(f32x4.gt(x, c(0)), c(1)), v128.and(f32x4.lt(x, c(0)), c(-1)));
    case Op.Sigmoid: return math.sigmoid(x);
    case Op.Relu: return v128.andnot(x, f32x4.lt(x, c(0)));
    case Op.Erf: return math.erf(x);
    case Op.Softplus: {
      const tail = math.log1p(math.expNonPositive(f32x4.neg(f32x4.abs(x))));
      return f32x4.add(f32x4.max(x, c(0)), tail);
    }
    case Op.Clamp: return f32x4.min(f32x4.max(x, c(s)), c(t));
    case Op.LeakyRelu: return v128.bitselect(x, f32x4.mul(x, c(s)), f32x4.gt(x, c(0)));
    case Op.Eq: return bit(f32x4.eq(x, y));
    case Op.Ne: return bit(f32x4.ne(x, y));
    case Op.Lt: return bit(f32x4.lt(x, y));
    case Op.Le: return bit(f32x4.le(x, y));
    case Op.Gt: return bit(f32x4.gt(x, y));
    case Op.Ge: return bit(f32x4.ge(x, y));
    case Op.ToFloat: return f32x4.convert_i32x4_s(x);
    case Op.ToInt: return i32x4.trunc_sat_f32x4_s(f32x4.min(x, f32x4.splat(2147483520)));
    case Op.Where:
    case Op.WhereInt: return v128.bitselect(z, y, i32x4.eq(x, i32x4.splat(0)));
    case Op.TanhBackward: return f32x4.mul(x, f32x4.sub(c(1), f32x4.mul(y, y)));
    case Op.SigmoidBackward: return f32x4.mul(f32x4.mul(x, y), f32x4.sub(c(1), y));
    case Op.ReluBackward: return v128.and(x, f32x4.gt(y, c(0)));
    case Op.LeakyReluBackward: return v128.bitselect(x, f32x4.mul(x, c(s)), f32x4.gt(y, c(0)));
    case Op.ClampBackward: return v128.and(x, v128.and(f32x4.ge(y, c(s)), f32x4.le(y, c(t))));
    case Op.ErfBackward: {
      const density = math.expNonPositive(f32x4.neg(f32x4.mul(y, y)));
      return f32x4.mul(x, f32x4.mul(c(1.1283791670955126), density));
    }
    case Op.DivBackward: return f32x4.neg(f32x4.div(f32x4.mul(x, f32x4.div(y, z)), z));
    case Op.AddInt: return i32x4.add(x, y);
    case Op.SubInt: return i32x4.sub(x, y);
    case Op.MulInt: return i32x4.mul(x, y);
    case Op.EqInt: return bit(i32x4.eq(x, y));
    case Op.NeInt: return bit(i32x4.ne(x, y));
    case Op.LtInt: return bit(i32x4.lt_s(x, y));
    case Op.LeInt: return bit(i32x4.le_s(x, y));
    case Op.GtInt: return bit(i32x4.gt_s(x, y));
    case Op.GeInt: return bit(i32x4.ge_s(x, y));
    case Op.DivideBy: return f32x4.div(x, c(s));
    default: return x;
  }
}
