import { describe, expect, it } from 'vitest';
import { nn, ones, tensor, zeros } from '../../src/index.ts';
import { ArgumentError } from '../../src/platform/errors.ts';

/** Calls as in PyTorch, or with a wrong name: the types refuse them, JavaScript does not. */
const N = nn as unknown as Record<string, new (...args: unknown[]) => nn.Module>;

const byPosition: [name: string, ...args: unknown[]][] = [
  ['AvgPool1d', 2, 1],
  ['AvgPool2d', 2, 1],
  ['BatchNorm1d', 4, 1e-3],
  ['BatchNorm2d', 4, 1e-3],
  ['Bilinear', 2, 2, 2, false],
  ['Conv1d', 1, 1, 3, 2],
  ['Conv2d', 1, 1, 3, 2],
  ['ConvTranspose1d', 1, 1, 3, 2],
  ['ConvTranspose2d', 1, 1, 3, 2],
  ['CosineSimilarity', 1],
  ['CrossEntropyLoss', ones([2])],
  ['EmbeddingBag', 4, 2, 'sum'],
  ['Fold', 4, 2, 1],
  ['GELU', 'tanh'],
  ['GroupNorm', 2, 4, 1e-3],
  ['GRU', 2, 3, 2],
  ['GRUCell', 2, 3, false],
  ['InstanceNorm1d', 4, 1e-3],
  ['Linear', 2, 2, false],
  ['LSTM', 2, 3, 2],
  ['LSTMCell', 2, 3, false],
  ['MaxPool1d', 2, 1],
  ['MaxPool2d', 2, 1],
  ['MSELoss', 'sum'],
  ['MultiheadAttention', 4, 2, 0.1],
  ['PairwiseDistance', 1],
  ['PReLU', 1, 0.5],
  ['RMSNorm', 4, 1e-5],
  ['RNN', 2, 3, 2],
  ['RNNCell', 2, 3, false],
  ['Transformer', 512],
  ['TransformerDecoderLayer', 4, 2, 8],
  ['TransformerEncoderLayer', 4, 2, 8],
  ['TripletMarginLoss', 0.5],
  ['Unfold', 2, 1],
  ['Upsample', 2],
];

const inAnotherForm: [name: string, args: unknown[], message: string][] = [
  ['Conv1d', [1, 1, 3, { paddingMode: 'circular' }], 'Conv1d: unknown option "paddingMode"'],
  ['Embedding', [4, 2, { padding_idx: 1 }], 'Embedding: unknown option "padding_idx"'],
  ['LayerNorm', [4, { epsilon: 1 }], 'LayerNorm: unknown option "epsilon"'],
  ['LayerNorm', [4, '1e-5'], 'LayerNorm: expected options as an object, { eps }, got "1e-5"'],
  ['NLLLoss', [{ labelSmoothing: 0.1 }], 'NLLLoss: unknown option "labelSmoothing"'],
  ['LeakyReLU', [{ negativeSlope: 0.2 }], '`negativeSlope`: expected a number, got {"neg'],
  ['ELU', [{ alpha: 2 }], 'ELU: `alpha`: expected a number'],
  ['Hardtanh', [{ minVal: 0, maxVal: 1 }], 'Hardtanh: `minVal`: expected a number'],
  ['Threshold', [1], 'Threshold: `value`: expected a number, got undefined'],
  ['Softmax', [{ dim: 1 }], 'Softmax: `dim`: expected a number'],
  ['ConstantPad1d', [1, { value: 9 }], 'ConstantPad1d: `value`: expected a number'],
  ['Dropout', [{ p: 0.1 }], 'Dropout: expected a rate from 0 to 1'],
  ['LSTM', [2, 3, { numLayers: 0 }], 'LSTM: `numLayers`: expected a whole number ≥ 1, got 0'],
];

describe('layers and losses', () => {
  it.each(byPosition)('%s refuses options by their place', (name, ...args) => {
    expect(() => new N[name](...args)).toThrow(`${name}: expected options as an object, { `);
    expect(() => new N[name](...args)).toThrow(ArgumentError);
  });

  it.each(inAnotherForm)('%s(%j) is refused', (name, args, message) => {
    expect(() => new N[name](...args)).toThrow(message);
    expect(() => new N[name](...args)).toThrow(ArgumentError);
  });

  it('take every option that they have, and PyTorch’s that are off', () => {
    const reduction = 'sum';
    const made: [name: string, ...args: unknown[]][] = [
      ['CrossEntropyLoss', { reduction, ignoreIndex: 1, labelSmoothing: 0.1, weight: ones([2]) }],
      ['NLLLoss', { reduction, ignoreIndex: 1, weight: ones([2]) }],
      ['BCEWithLogitsLoss', { reduction, weight: ones([2]), posWeight: ones([2]) }],
      ['BCELoss', { reduction, weight: ones([2]) }],
      ['L1Loss', { reduction }],
      ['SmoothL1Loss', { reduction, beta: 1 }],
      ['HuberLoss', { reduction, delta: 1 }],
      ['KLDivLoss', { reduction, logTarget: true }],
      ['CosineEmbeddingLoss', { reduction, margin: 1 }],
      ['TripletMarginLoss', { reduction, margin: 1, p: 2, eps: 1e-6, swap: true }],
      ['PoissonNLLLoss', { reduction, logInput: true, full: true, eps: 1e-6 }],
      ['GaussianNLLLoss', { reduction, full: true, eps: 1e-6 }],
      ['CTCLoss', { reduction, blank: 1, zeroInfinity: true }],
      [
        'TripletMarginWithDistanceLoss',
        { reduction, margin: 1, swap: true, distanceFunction: () => {} },
      ],
      ['MaxPool2d', 2, { stride: 1, padding: 1, dilation: 1, ceilMode: true }],
      ['AvgPool1d', 2, { stride: 1, padding: 1, ceilMode: true, countIncludePad: true }],
      ['ConvTranspose1d', 1, 1, 3, { stride: 2, padding: 1, outputPadding: 1, dilation: 1 }],
      ['Conv2d', 2, 2, 3, { stride: 2, padding: 'valid', dilation: 1, groups: 2, bias: false }],
      ['InstanceNorm2d', 4, { eps: 1e-3, affine: true, trackRunningStats: false }],
      ['Linear', 2, 2, { bias: true, device: null, dtype: undefined }],
      ['Upsample', { scaleFactor: 2, mode: 'bilinear', alignCorners: true, size: undefined }],
      ['RNN', 2, 3, { numLayers: 2, nonlinearity: 'relu', dropout: 0.1, bidirectional: true }],
    ];
    for (const [name, ...args] of made) expect(() => new N[name](...args), name).not.toThrow();
  });

  it('LayerNorm takes its eps as an option too', async () => {
    expect(new nn.LayerNorm(4, { eps: 1e-12 }).eps).toBe(1e-12);
    expect(new nn.LayerNorm(4, {}).eps).toBe(1e-5);
    expect(await new nn.LayerNorm(2, { eps: 3 }).forward(tensor([1, 3])).tolist()).toEqual([
      -0.5, 0.5,
    ]);
  });

  it('masks by their place, and a mode of loading, are refused', () => {
    const x = zeros([3, 1, 4]);
    const mask = zeros([3, 3]) as object;
    const attention = new nn.MultiheadAttention(4, 2);
    expect(() => attention.forward(x, x, x, mask)).toThrow(
      'MultiheadAttention.forward: expected options as an object',
    );
    const sizes = { dimFeedforward: 4 };
    const [encoder, decoder] = [
      new nn.TransformerEncoderLayer(4, 2, sizes),
      new nn.TransformerDecoderLayer(4, 2, sizes),
    ];
    expect(() => encoder.forward(x, mask)).toThrow(/{ mask, srcKeyPaddingMask, isCausal }, got Te/);
    expect(() => decoder.forward(x, x, mask)).toThrow(/{ tgtMask, .*, got Tensor/);
    const layers = { dModel: 4, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1 };
    const transformer = new nn.Transformer({ ...layers, ...sizes });
    expect(() => transformer.forward(x, x, mask)).toThrow('Transformer.forward: expected options');
    const linear = new nn.Linear(1, 1);
    const loose = false as unknown as object;
    expect(() => linear.loadStateDict(linear.stateDict(), loose)).toThrow('{ strict }, got false');
  });

  it('layers without inputs have a bias of 0', async () => {
    for (const layer of [new nn.Linear(0, 2), new nn.Conv1d(0, 2, 3), new nn.Bilinear(0, 1, 2)])
      expect(await layer.bias!.tolist()).toEqual([0, 0]);
    expect(await new nn.Linear(0, 2).forward(zeros([1, 0])).tolist()).toEqual([[0, 0]]);
  });
});
