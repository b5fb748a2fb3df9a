/** The WebAssembly of all kernels as base64; made by scripts/setup/wasm.mjs. */
export declare const plain: string;
/** The same with relaxed SIMD: multiply-adds that are rounded once. */
export declare const relaxed: string;
