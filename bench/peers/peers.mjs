/** Who is measured: each library on its paths, WebGPU first. */
const libraries = [
  { library: 'wigbert', worker: 'wigbert', title: 'wigbert', cpu: ['cpu', 'JavaScript'] },
  {
    library: 'tfjs',
    worker: 'tfjs',
    title: 'TensorFlow.js',
    cpu: ['wasm', 'WebAssembly'],
    remark: 'TensorFlow.js has no layer norm and no GELU: they are composed of several operations.',
  },
  {
    library: 'jax-js',
    worker: 'jax',
    title: 'jax-js',
    cpu: ['wasm', 'WebAssembly'],
    remark:
      'jax-js runs compiled functions (`jit`), which make one loop of the 100 adds, as wigbert ' +
      'does when it captures them; the others run one after another.',
  },
  { library: 'ort-node', worker: 'ort-node', title: 'onnxruntime-node', cpu: ['cpu', 'native'] },
  { library: 'ort-web', worker: 'ort-web', title: 'onnxruntime-web', cpu: ['wasm', 'WebAssembly'] },
];

const on = (each, [path, pathTitle]) => ({
  ...each,
  name: `${each.library}-${path}`,
  path,
  pathTitle,
});

/**
 * Each is { name, library, worker, title, path, pathTitle, remark }; `path` is what the worker is
 * started with.
 */
export const peers = [
  ...libraries.map((each) => on(each, ['webgpu', 'WebGPU'])),
  ...libraries.map((each) => on(each, each.cpu)),
];
