/** Only multiply-adds, in eight independent chains: measures the peak of all threads. */
import { float, word } from './args';
import { madd } from './simd';

/** Words: lanes of a tile. Buffer: y. Parameters: lanes, rounds of four links, factor, term. */
export function multiplyAdd(args: usize, tile: i32): void {
  const size = word(args, 1), y = word(args, 2);
  const end = min((<u32>tile + 1) * size, word(args, 3));
  const links = word(args, 4) << 2;
  const factor = f32x4.splat(float(args, 5)), term = f32x4.splat(float(args, 6));
  const step = f32x4.splat(1);
  for (let i = <u32>tile * size; i < end; i++) {
    let a = f32x4.add(f32x4(0, 0.25, 0.5, 0.75), f32x4.splat(<f32>(i & 63)));
    let b = f32x4.add(a, step), c = f32x4.add(b, step), d = f32x4.add(c, step);
    let e = f32x4.add(d, step), f = f32x4.add(e, step), g = f32x4.add(f, step);
    let h = f32x4.add(g, step);
    for (let link: u32 = 0; link < links; link++) {
      a = madd(a, factor, term);
      b = madd(b, factor, term);
      c = madd(c, factor, term);
      d = madd(d, factor, term);
      e = madd(e, factor, term);
      f = madd(f, factor, term);
      g = madd(g, factor, term);
      h = madd(h, factor, term);
    }
    const low = f32x4.add(f32x4.add(f32x4.add(a, b), c), d);
    v128.store(y + (i << 4), f32x4.add(f32x4.add(f32x4.add(f32x4.add(low, e), f), g), h));
  }
}
