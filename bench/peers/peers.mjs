/** The peers: each library on each of its paths, wigbert on WebAssembly first. */
const libraries = [
  {
    library: 'wigbert',
    worker: 'wigbert',
    title: 'wigbert',
    cpu: ['wasm', 'WebAssembly'],
    isFast: true,
  },
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

const pytorch = {
  library: 'pytorch',
  worker: 'pytorch',
  title: 'PyTorch',
  remark:
    "PyTorch is Debian's package `python3-torch`, if it is installed; its times include some " +
    '0.1 ms of a pipe.',
  isFast: true,
};

/**
 * Each is { name, library, worker, title, path, pathTitle, remark, isFast }; its worker gets
 * `path`. The first one is what the others are compared with. Only fast ones train large models.
 */
export const peers = [
  on(libraries[0], libraries[0].cpu),
  ...libraries.map((each) => on(each, ['webgpu', 'WebGPU'])),
  ...libraries.slice(1).map((each) => on(each, each.cpu)),
  on(pytorch, ['cpu', 'native']),
];
