/** What has no case in the walk, and why. */

const creation = 'makes a tensor: test/tensor/ops/creation.test.ts';
const random = 'random: test/tensor/random.test.ts';
const engine = 'no operation on elements';
export const operations: Record<string, string> = {
  ...Object.fromEntries(
    `arange empty emptyLike eye full fullLike linspace ones onesLike tensor trilIndices
    triuIndices zeros zerosLike`
      .split(/\s+/)
      .map((name) => [name, creation]),
  ),
  ...Object.fromEntries(
    'bernoulli gumbelSoftmax multinomial normal rand randLike randint randn randnLike randperm'
      .split(' ')
      .map((name) => [name, random]),
  ),
  ...Object.fromEntries(
    `backward capture checkpoint clipGradNorm defaultDevice enableGrad
    getConstantScheduleWithWarmup getLinearScheduleWithWarmup getRngState grad inferenceMode
    cpu toDevice
    detectAnomaly isAnomalyEnabled
    isGradEnabled keep loadSafetensors manualSeed noGrad openDevice parseSafetensors
    saveSafetensors scope serializeSafetensors setDevice setGradEnabled setRngState toFloat16
    toFloat32 toInt32 useDevice`
      .split(/\s+/)
      .map((name) => [name, engine]),
  ),
};
const ownTest = 'has a test of its own in test/nn';
export const modules: Record<string, string> = {
  Module: 'abstract',
  Sequential: ownTest,
  CTCLoss: ownTest,
  ChannelShuffle: 'no gradient in torch 1.13: channelShuffle has a case',
  Dropout: 'random: test/nn/layers.test.ts',
  Dropout1d: 'random: test/nn/layers.test.ts',
  Dropout2d: 'random: test/nn/layers.test.ts',
  MultiheadAttention: ownTest,
  Transformer: ownTest,
  TransformerDecoder: ownTest,
  TransformerDecoderLayer: ownTest,
  TransformerEncoder: ownTest,
  TransformerEncoderLayer: ownTest,
  GRU: ownTest,
  GRUCell: ownTest,
  LSTM: ownTest,
  LSTMCell: ownTest,
  RNN: ownTest,
  RNNCell: ownTest,
  RMSNorm: 'not in torch 1.13: test/nn/norms.test.ts',
};
const schedule = 'a schedule: test/nn/optim/schedules.test.ts';
export const optimizers: Record<string, string> = {
  Optimizer: 'abstract',
  LRScheduler: 'abstract',
  ...Object.fromEntries(
    `ChainedScheduler ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR
    ExponentialLR LambdaLR LinearLR MultiStepLR MultiplicativeLR OneCycleLR PolynomialLR
    ReduceLROnPlateau SequentialLR StepLR`
      .split(/\s+/)
      .map((name) => [name, schedule]),
  ),
};
/** Modules whose state PyTorch orders otherwise. */
export const states: Record<string, string> = {};

/** Operations that refuse nothing or scalars where PyTorch takes them. */
export const stricter: Record<string, string> = {
  cummax: 'dimension 1 of a scalar, which torch 1.13 lets pass',
  cummin: 'dimension 1 of a scalar, which torch 1.13 lets pass',
  maskedSoftmax: 'takes scores [batch, heads, queries, keys]',
  indexAdd: 'a scalar has no places along a dimension',
  indexCopy: 'a scalar has no places along a dimension',
};

/** Arguments, of several, that may have any shape. */
export const anyShape: Record<string, number[]> = {
  broadcastTensors: [0, 1],
  bucketize: [0],
  embedding: [0],
  equal: [0, 1],
  isin: [0, 1],
  kron: [0, 1],
  maskedScatter: [2],
  searchsorted: [1],
};
