/** The peers: each library on each of its paths, WebGPU first. */
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
      'jax-js compiles functions (`jit`) and fuses the 100 adds into one loop, as wigbert does ' +
      'in a captured step; the others run them one after another.',
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

/** Each is { name, library, worker, title, path, pathTitle, remark }; its worker gets `path`. */
export const peers = [
  ...libraries.map((each) => on(each, ['webgpu', 'WebGPU'])),
  ...libraries.map((each) => on(each, each.cpu)),
];
