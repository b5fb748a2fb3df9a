/**
 * The WebAssembly side of the `wasm` device, in AssemblyScript. One module holds all kernels; it is
 * compiled twice, with and without relaxed SIMD (scripts/setup/wasm.mjs).
 *
 * How a kernel gets its WebAssembly form:
 *
 * 1. A function `(args: usize, tile: i32): void` in a file here, exported by this one. It does one
 *    tile of a launch's work. Any thread may run any tile, at any time and in any order: a tile
 *    writes no word that another tile reads or writes.
 * 2. `wasm: (p) => ({ entry: 'name', tiles })` in the kernel's declaration in src/kernels. The
 *    number of tiles follows from the parameters alone, never from the number of threads, so that
 *    results are the same bits for any number of threads. A tile of 10 to 200 µs is best: taking
 *    one costs 0.1 µs, and a launch with a single tile wakes nobody. Return undefined for
 *    parameters that the function does not take: then the reference runs.
 * 3. `args` points to 32-bit words: the number of tiles; then the words that the declaration gave
 *    (`words`), if any; then the address of each buffer, in the order of the declaration; then the
 *    parameters as `packParams` packs them: those of type `dims` first, with eight words each, then
 *    the others, in order. Read them by `word` and `float` (args.ts).
 * 4. A launch may have several phases, each with its entry and tiles; the next begins when all
 *    tiles of the one before are done. `scratch` asks for memory that the phases share; its address
 *    comes right before the buffers. Scratch of a tile alone is `threadScratch` (args.ts).
 * 5. No allocation, no static arrays or strings, and nothing but what AssemblyScript compiles to
 *    plain instructions. `madd` (simd.ts) rounds once or twice, whichever build runs; where the
 *    bits must not depend on that, use f32x4.mul and f32x4.add.
 *
 * The tests of kernels (test/kernels) compare every kernel with its reference on this device too.
 */
export { setThreadScratch } from './args';
export {
  doze,
  fail,
  finish,
  join,
  launchedArgs,
  launchedEntry,
  publish,
  sleep,
  take,
} from './threads';
export { attention, attentionTerms } from './attention';
export { attentionKeyValueGradient, attentionQueryGradient } from './attentionBackward';
export { chain } from './chain';
export { crossEntropy, crossEntropyBackward } from './crossEntropy';
export { attentionKeepBits, dropout } from './dropout';
export { embedding, embeddingBackward, zeroTouchedRows } from './embedding';
export { addLayerNorm, layerNorm } from './layerNorm';
export {
  affineGroup,
  affineGroups,
  dropoutAddLayerNormBackward,
  layerNormBackward,
} from './layerNormBackward';
export { map } from './map';
export { accumulate, fill, storeStrided } from './memory';
export { multiplyAdd } from './multiplyAdd';
export { adam, adamAmsgrad, clipByNorm, sumSquares } from './optimizer';
export { packOperands, product } from './product';
export { maxGroup, maxGroups, maxRows, sumGroup, sumGroups, sumRows } from './reduce';
export {
  logSoftmax,
  logSoftmaxBackward,
  maskedSoftmax,
  softmax,
  softmaxBackward,
} from './softmax';
