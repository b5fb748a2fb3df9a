import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { openDevice } from '../../../src/device/open.ts';
import { setDevice, type Tensor, tensor } from '../../../src/index.ts';

// What is a view in PyTorch shares memory here too: a write through it is seen in the whole.
const grid = () => tensor(Array.from({ length: 24 }, (_, i) => i)).reshape([2, 3, 4]);
/** Places in the flat grid that each view covers. */
const views: Record<string, [view: (x: Tensor) => Tensor, places: number[]]> = {
  'unsqueeze of a part': [
    (x) => x.slice([null, [1, 2]]).unsqueeze(0),
    [4, 5, 6, 7, 16, 17, 18, 19],
  ],
  'squeeze of a part': [(x) => x.slice([null, [1, 2], [0, 2]]).squeeze(1), [4, 5, 16, 17]],
  'select of a permuted one': [(x) => x.permute([2, 0, 1]).select(0, 3), [3, 7, 11, 15, 19, 23]],
  'flatten of leading dimensions': [
    (x) => x.slice([null, null, [2, 3]]).flatten(0, 1),
    [2, 6, 10, 14, 18, 22],
  ],
  'unflatten of a part': [
    (x) =>
      x
        .slice([[1, 2]])
        .unflatten(2, [2, 2])
        .select(3, 0),
    [12, 14, 16, 18, 20, 22],
  ],
  'reshape of a part': [
    (x) =>
      x
        .slice([[1, 2]])
        .reshape([4, 3])
        .select(1, 0),
    [12, 15, 18, 21],
  ],
  diagonal: [(x) => x.diagonal(0, 1, 2), [0, 5, 10, 12, 17, 22]],
  'diagonal above': [(x) => x.diagonal(1, 1, 2), [1, 6, 11, 13, 18, 23]],
  'diagonal below': [(x) => x.diagonal(-2, 1, 2), [8, 20]],
  'windows without overlap': [
    (x) => x.unfold(2, 2, 2).select(3, 1),
    [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23],
  ],
  'unbind of a permuted one': [(x) => x.transpose(0, 2).unbind(0)[1], [1, 5, 9, 13, 17, 21]],
};

describe.each([
  ['cpu', async () => new CpuDevice()],
  ['wasm', () => openDevice('wasm', { threads: 1 })],
] as const)('a write on %s', (_, open) => {
  it.each(Object.entries(views))(
    'through %s is seen in the whole',
    async (_name, [view, places]) => {
      setDevice(await open());
      const x = grid();
      view(x).fill_(-1);
      const expected = Array.from({ length: 24 }, (_v, i) => (places.includes(i) ? -1 : i));
      expect([...(await x.data())]).toEqual(expected);
    },
  );

  it('to a repeated tensor leaves the first one as it is', async () => {
    setDevice(await open());
    const x = tensor([[1]]);
    for (const copy of [x.repeat([2, 1]), x.repeat([1, 1]), x.tile([2])]) copy.add_(1);
    expect(await x.tolist()).toEqual([[1]]);
  });
});

describe('an operation in place', () => {
  type Write = (x: Tensor, a: Tensor, b: Tensor) => Tensor;
  const inPlace: Record<string, [write: Write, plain: Write]> = {
    clamp_: [(x) => x.clamp_(3, 7), (x) => x.clamp(3, 7)],
    lerp_: [(x, a) => x.lerp_(a, 0.3), (x, a) => x.lerp(a, 0.3)],
    'lerp_ by more than half': [(x, a) => x.lerp_(a, 0.9), (x, a) => x.lerp(a, 0.9)],
    'lerp_ by a tensor': [(x, a, b) => x.lerp_(a, b), (x, a, b) => x.lerp(a, b)],
    addcmul_: [(x, a, b) => x.addcmul_(a, b, 0.1), (x, a, b) => x.addcmul(a, b, 0.1)],
    addcdiv_: [(x, a, b) => x.addcdiv_(a, b, 0.1), (x, a, b) => x.addcdiv(a, b, 0.1)],
  };
  it.each(Object.keys(inPlace))('gives what the plain one does: %s', async (name) => {
    const [write, plain] = inPlace[name];
    const operands = [tensor([[2, -3, 0.5, 4]]), tensor([[1], [-2], [3]])] as const;
    const whole = grid();
    const part = whole.select(0, 1);
    const expected = await plain(part, ...operands).tolist();
    expect(write(part, ...operands)).toBe(part);
    const untouched = await grid().select(0, 0).tolist();
    expect(await whole.tolist()).toEqual([untouched, expected]);
  });
});
