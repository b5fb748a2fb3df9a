import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { ArgumentError } from '../../src/platform/errors.ts';
import {
  capture,
  dropout,
  getRngState,
  manualSeed,
  ones,
  type RngState,
  rand,
  randn,
  scope,
  setRngState,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { dropoutGenerator } from '../../src/tensor/ops/dropout.ts';
import { enterDropoutPart } from '../../src/tensor/rngState.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

const devices: [string, Device | undefined][] = [
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
];

/** Numbers of each kind, on a device. */
async function draw(device: Device): Promise<ArrayLike<number>[]> {
  const tensors = scope(() => [
    randn([3], { device }),
    dropout(ones([67], { device }), 0.5),
    rand([2], { device }),
    dropout(ones([67], { device }), 0.3),
  ]);
  return Promise.all(tensors.map((x) => x.data()));
}

const stored = (state: RngState): RngState => JSON.parse(JSON.stringify(state));

/** A captured step that draws numbers of each kind, and a function that runs it. */
function capturedDraws(device: Device) {
  const step = capture(device, ({ x }: { x: Tensor }) =>
    dropout(x, 0.5)
      .add(randn([67], { device }))
      .add(dropout(x, 0.2)),
  );
  const run = () => step.run({ x: { data: new Float32Array(67).fill(1), shape: [67] } });
  return { run, dispose: () => step.dispose() };
}

describe.each(devices)('the random state on %s', (_, maybeDevice) => {
  const here = it.skipIf(!maybeDevice);
  const device = maybeDevice!;

  here.each([0, 7, -5, 2 ** 32 + 3, Number.MAX_SAFE_INTEGER])(
    'repeats what followed it, from seed %d, after whatever was drawn since',
    async (seed) => {
      manualSeed(seed);
      await draw(device);
      const state = stored(getRngState(device));
      const expected = await draw(device);
      for (const disturb of [() => {}, () => manualSeed(99), () => manualSeed(seed)]) {
        disturb();
        await draw(device);
        setRngState(state, device);
        expect(getRngState(device)).toEqual(state);
        expect(await draw(device)).toEqual(expected);
      }
    },
  );

  here('is the same in a part of a step, however many masks the part before drew', async () => {
    const parts = [0, 1, 2, 3];
    const first = async (own: readonly number[]) => {
      manualSeed(3);
      dropoutGenerator(device).rebase();
      const masks: Promise<ArrayLike<number>>[] = [];
      for (const part of own) {
        enterDropoutPart(device, part);
        masks.push(dropout(ones([67], { device }), 0.5).data());
        for (let i = 0; i < 700 * part; i++) scope(() => dropout(ones([1], { device }), 0.5));
      }
      return Promise.all(masks);
    };
    const expected = await first(parts);
    for (const part of parts) expect(await first([part])).toEqual([expected[part]]);
  });

  const slopesOf = async (y: Tensor, x: Tensor) => {
    y.sum().backward();
    const slopes = await x.grad!.tolist();
    return [slopes, await y.tolist()];
  };

  here('keeps masks until backward, however many come between', async () => {
    manualSeed(2);
    const x = ones([64], { device, requiresGrad: true });
    const y = dropout(x, 0.5);
    for (let i = 0; i < 1500; i++) scope(() => dropout(ones([1], { device }), 0.5)).dispose();
    const state = getRngState(device);
    setRngState(state, device);
    const step = capture(device, ({ z }: { z: Tensor }) => dropout(z, 0.5));
    await step.run({ z: { data: new Float32Array(4).fill(1), shape: [4] } });
    step.dispose();
    const [slopes, values] = await slopesOf(y, x);
    expect(slopes).toEqual(values);
    // Masks of another seed are lost, and say so.
    const lost = dropout(x, 0.5);
    manualSeed(3);
    dropout(ones([1], { device }), 0.5);
    expect(() => lost.sum().backward()).toThrow('manualSeed has overwritten');
  });

  here('draws more than 1024 masks in one captured step, as without capturing', async () => {
    const chain = (x: Tensor) => {
      let y = x;
      for (let i = 0; i < 1030; i++) y = dropout(y, 0.0005);
      return y;
    };
    const data = Float32Array.from({ length: 32 }, (_, i) => i + 1);
    const step = capture(device, ({ x }: { x: Tensor }) => chain(x));
    for (let run = 0; run < 2; run++) {
      manualSeed(7);
      const captured = await step.run({ x: { data, shape: [32] } });
      manualSeed(7);
      const eager = scope(() => chain(tensor(data, { device })));
      expect([...captured]).toEqual([...(await eager.data())]);
    }
    step.dispose();
  });

  here('counts more than 1024 masks, and takes counts near 2^32', async () => {
    manualSeed(1);
    for (let i = 0; i < 1500; i++) scope(() => dropout(ones([1], { device }), 0.5)).dispose();
    const state = getRngState(device);
    expect(state.dropoutCalls).toBe(1500);
    const expected = await draw(device);
    manualSeed(1);
    setRngState(state, device);
    expect(await draw(device)).toEqual(expected);

    // The count is taken modulo 2^32.
    const fourMasks = async (dropoutCalls: number) => {
      setRngState({ ...state, dropoutCalls }, device);
      const [, a, , b] = await draw(device);
      const [, c, , d] = await draw(device);
      return [a, b, c, d];
    };
    expect(await fourMasks(2 ** 32 + 5)).toEqual(await fourMasks(5));
    expect((await fourMasks(2 ** 32 - 2)).slice(2)).toEqual((await fourMasks(0)).slice(0, 2));
  });

  here('holds for captured steps, replayed and captured afresh', async () => {
    const { run, dispose } = capturedDraws(device);
    manualSeed(2 ** 40 + 1);
    for (let i = 0; i < 3; i++) await run();
    const state = stored(getRngState(device));
    const expected = [await run(), await run(), ...(await draw(device))];

    manualSeed(4);
    await draw(device);
    setRngState(state, device);
    expect([await run(), await run(), ...(await draw(device))]).toEqual(expected);

    setRngState(state, device);
    const fresh = capturedDraws(device);
    expect([await fresh.run(), await run(), ...(await draw(device))]).toEqual(expected);

    dispose();
    fresh.dispose();
  });

  here('holds for captured steps that drew more than 1024 masks', async () => {
    const { run, dispose } = capturedDraws(device);
    manualSeed(6);
    for (let i = 0; i < 520; i++) await run();
    const state = getRngState(device);
    expect(state.dropoutCalls).toBe(1040);
    const expected = [await run(), await run()];
    setRngState(state, device);
    expect([await run(), await run()]).toEqual(expected);
    dispose();
  });

  here('counts a step as soon as it is queued', async () => {
    const { run, dispose } = capturedDraws(device);
    manualSeed(8);
    await run();
    const queued = run();
    const state = getRngState(device);
    const expected = await run();
    await queued;
    setRngState(state, device);
    expect(await run()).toEqual(expected);
    dispose();
  });
});

describe('setRngState', () => {
  const [first, second] = [new CpuDevice(), new CpuDevice()];

  it('restores several devices one by one', async () => {
    manualSeed(3);
    await draw(first);
    const states = [getRngState(first), getRngState(second)];
    const masks = async () =>
      Promise.all([first, second].map((device) => dropout(ones([67], { device }), 0.5).data()));
    const expected = await masks();
    manualSeed(4);
    setRngState(states[0], first);
    setRngState(states[1], second);
    expect(await masks()).toEqual(expected);
  });

  it.each([
    ['position', -1, '`position`: expected an integer ≥ 0, got -1'],
    ['dropoutCalls', undefined, '`dropoutCalls`: expected an integer ≥ 0, got undefined'],
    ['spare', 'x', '`spare`: expected a finite number or null, got x'],
    ['seed', 0.5, 'seed: expected a safe integer, got 0.5'],
  ])('refuses a state whose %s is %s, and changes nothing', (field, value, message) => {
    const before = getRngState(first);
    const attempt = () => setRngState({ ...before, [field]: value } as RngState, first);
    expect(attempt).toThrow(ArgumentError);
    expect(attempt).toThrow(message);
    expect(getRngState(first)).toEqual(before);
  });
});
