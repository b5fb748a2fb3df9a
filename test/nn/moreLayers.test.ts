import { afterAll, describe, expect, it } from 'vitest';
import { nn, ones, randn, setDevice, type Tensor, tensor } from '../../src/index.ts';
import { manualSeed } from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => {
  for (const [, device] of devices) device?.destroy();
});

const values = async (x: Tensor) => [...(await x.data())];

describe.each(devices)('on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each([
    ['Dropout1d', [4, 6, 5]],
    ['Dropout1d', [24, 5]],
    ['Dropout2d', [4, 6, 2, 3]],
    ['Dropout2d', [4, 6, 5]],
  ] as const)('%s drops whole channels of %j', async (name, shape) => {
    setDevice(device!);
    manualSeed(3);
    const layer = new nn[name](0.5);
    const x = ones([...shape]).requiresGrad_();
    const y = layer.forward(x);
    const places = y.reshape([24, -1]);
    const channels = (await places.tolist()) as number[][];
    for (const channel of channels) expect(new Set(channel).size).toBe(1);
    expect(new Set(channels.flat())).toEqual(new Set([0, 2]));
    y.sum().backward();
    expect(await values(x.grad!)).toEqual(await values(y));
    expect(await values(layer.eval().forward(x))).toEqual(await values(x));
    expect(() => layer.forward(ones(2))).toThrow(`${name}: expected an input of`);
  });

  here('EmbeddingBag takes bags by their starts, and a padding row', async () => {
    setDevice(device!);
    const bag = new nn.EmbeddingBag(4, 2, { mode: 'sum', paddingIdx: 0 });
    expect([...bag.stateDict().keys()]).toEqual(['weight']);
    bag.loadStateDict(
      new Map([
        [
          'weight',
          tensor([
            [0, 0],
            [1, 2],
            [3, 4],
            [5, 6],
          ]),
        ],
      ]),
    );
    const ids = tensor([1, 2, 0, 3], { dtype: 'int32' });
    expect(await bag.forward(ids, [0, 3]).tolist()).toEqual([
      [4, 6],
      [5, 6],
    ]);
  });

  here('a decoder that is causal sees as one with the mask', async () => {
    setDevice(device!);
    manualSeed(1);
    const layer = new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 12, batchFirst: true });
    const decoder = new nn.TransformerDecoder(layer, 2, new nn.LayerNorm(8)).eval();
    const [tgt, memory] = [randn(2, 4, 8), randn(2, 3, 8)];
    const causal = await values(decoder.forward(tgt, memory, { tgtIsCausal: true }));
    const tgtMask = nn.Transformer.generateSquareSubsequentMask(4);
    const masked = await values(decoder.forward(tgt, memory, { tgtMask }));
    masked.forEach((value, i) => {
      expect(causal[i]).toBeCloseTo(value, 5);
    });
    // What is left out of the sources does not count.
    const hidden = tensor([
      [0, 0, 1],
      [0, 0, 1],
    ]).bool();
    const short = await values(decoder.forward(tgt, memory.slice([null, [0, 2]])));
    const padded = await values(decoder.forward(tgt, memory, { memoryKeyPaddingMask: hidden }));
    short.forEach((value, i) => {
      expect(padded[i]).toBeCloseTo(value, 5);
    });
    expect(() => new nn.TransformerDecoder(layer, 0)).toThrow('`numLayers`: expected');
  });
});

describe('Transformer', () => {
  it('has PyTorch’s names, and trains', async () => {
    setDevice(devices[0][1]!);
    const model = new nn.Transformer({
      ...{ dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 12 },
      batchFirst: true,
    });
    const names = [...model.stateDict().keys()];
    expect(names).toContain('encoder.layers.0.self_attn.in_proj_weight');
    expect(names).toContain('decoder.layers.0.multihead_attn.out_proj.weight');
    expect(names).toContain('decoder.norm.weight');
    const y = model.forward(randn(2, 5, 8), randn(2, 3, 8), { tgtIsCausal: true });
    expect(y.shape).toEqual([2, 3, 8]);
    y.square().sum().backward();
    expect(model.parameters().every(({ grad }) => grad !== null)).toBe(true);
  });
});

describe('other modules', () => {
  it('CTCLoss and ChannelShuffle are their functions', async () => {
    setDevice(devices[0][1]!);
    const logProbs = tensor([[[0, 0]], [[0, 0]]]).logSoftmax(2);
    const targets = tensor([[1]], { dtype: 'int32' });
    // Three of four ways give the label: 01, 10 and 11.
    const loss = new nn.CTCLoss().forward(logProbs, targets, [2], [1]);
    expect(await loss.item()).toBeCloseTo(-Math.log(3 / 4), 6);
    const forever = new nn.CTCLoss().forward(logProbs, tensor([[1, 1]], { dtype: 'int32' }), 2, 2);
    expect(await forever.item()).toBe(Number.POSITIVE_INFINITY);
    const shuffled = new nn.ChannelShuffle(2).forward(tensor([[[1], [2], [3], [4]]]));
    expect(await values(shuffled)).toEqual([1, 3, 2, 4]);
  });

  it('refuse channels that groups do not divide', () => {
    expect(() => new nn.ConvTranspose2d(3, 4, 2, { groups: 2 })).toThrow('`groups`: expected');
    expect(() => new nn.ConvTranspose1d(4, 3, 2, { groups: 2 })).toThrow('`groups`: expected');
  });
});
