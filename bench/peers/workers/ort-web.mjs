/** onnxruntime-web: WebAssembly, or WebGPU driven from WebAssembly. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ortWorks } from '../ort.mjs';
import { serve } from '../protocol.mjs';
import { provideWebGPU, versionOf } from '../webgpu.mjs';

await serve(async (path) => {
  const adapter = path === 'webgpu' ? await provideWebGPU() : undefined;
  if (path === 'webgpu') copySharedWrites();
  const ort = await import(path === 'webgpu' ? 'onnxruntime-web/webgpu' : 'onnxruntime-web');
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = path === 'webgpu' ? 1 : availableParallelism();
  if (path === 'webgpu') {
    // In Node it would try to fetch the file.
    const file = fileURLToPath(
      import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm'),
    );
    ort.env.wasm.wasmBinary = readFileSync(file);
  }
  return {
    about: () => ({ version: versionOf('onnxruntime-web'), adapter: adapter?.() }),
    ...ortWorks(ort, path),
  };
});

/** Dawn in Node does not write from its memory, a SharedArrayBuffer: it gets copies. */
function copySharedWrites() {
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, start = 0, size = undefined) {
    const {
      buffer: memory,
      byteOffset = 0,
      BYTES_PER_ELEMENT: width = 1,
    } = ArrayBuffer.isView(data) ? data : { buffer: data };
    if (!(memory instanceof SharedArrayBuffer))
      return writeBuffer.call(this, buffer, offset, data, start, size);
    const bytes = size === undefined ? data.byteLength - start * width : size * width;
    return writeBuffer.call(
      this,
      buffer,
      offset,
      new Uint8Array(memory, byteOffset + start * width, bytes).slice(),
    );
  };
}
