/** Largest finite float32; its negative is the smallest. */
export const FLOAT32_MAX = 3.4028234663852886e38;
