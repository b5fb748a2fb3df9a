/** Seeded random numbers: every peer gets the same inputs, and two runs get the same too. */

/** Mulberry32: a generator of uniform numbers in [0, 1) with 32 bits of state. */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Uniform numbers in [-scale, scale). */
export function uniform(count, seed, scale = 1) {
  const next = generator(seed);
  return Float32Array.from({ length: count }, () => (next() * 2 - 1) * scale);
}

/** Normal numbers of mean 0 (Box and Muller's, in pairs). */
export function normal(count, seed, std) {
  const next = generator(seed);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    values[i] = radius * Math.cos(angle) * std;
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle) * std;
  }
  return values;
}

/** Whole numbers below `limit`: the places at which a result is checked. */
export function places(count, limit, seed) {
  const next = generator(seed);
  return Array.from({ length: count }, () => Math.floor(next() * limit));
}
