/** onnxruntime-node. Its WebGPU provider has its own Dawn and does not name its adapter. */
import { createRequire } from 'node:module';
import { ortWorks } from '../ort.mjs';
import { serve } from '../protocol.mjs';
import { versionOf } from '../webgpu.mjs';

await serve(async (path) => {
  const ort = createRequire(import.meta.url)('onnxruntime-node');
  return {
    about: () => ({ version: versionOf('onnxruntime-node') }),
    ...ortWorks(ort, path, { logSeverityLevel: 3 }),
  };
});
