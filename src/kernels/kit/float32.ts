/** Smallest float32 with all its digits. */
const FLOAT32_MIN_NORMAL = 2 ** -126;

/**
 * A number as a device has it that takes the smallest ones for 0. Infinity times a slope that
 * vanishes is not a number there, nor in PyTorch.
 */
export const normalFloat32 = (x: number): number =>
  Math.abs(x) < FLOAT32_MIN_NORMAL ? 0 : Math.fround(x);

/** Largest finite float32; its negative is the smallest. */
export const FLOAT32_MAX = 3.4028234663852886e38;

const bitsOf = new DataView(new ArrayBuffer(4));

/** Largest float32 below x. */
export function float32Below(x: number): number {
  const near = Math.fround(x);
  if (near < x) return near;
  if (near === 0) return -(2 ** -149);
  bitsOf.setFloat32(0, near);
  bitsOf.setInt32(0, bitsOf.getInt32(0) + (near > 0 ? -1 : 1));
  return bitsOf.getFloat32(0);
}
