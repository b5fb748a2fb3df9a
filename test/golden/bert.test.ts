import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../src/bert/checkpoint/read.ts';
import { type BertConfig, bertConfig } from '../../src/bert/config.ts';
import { BertModel } from '../../src/bert/model.ts';
import type { BertInputs } from '../../src/bert/modelInputs.ts';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { openDevice } from '../../src/device/open.ts';
import { backward, setDevice } from '../../src/tensor/index.ts';
import { tryWebGpu } from '../support/devices.ts';
import { goldenCases } from '../support/golden.ts';
import { distance, goldenInputs, readGolden, tinyBert } from '../support/goldenBert.ts';

type BertInputNames = { [K in Exclude<keyof BertInputs, 'outputAttentions'>]?: string };

const webgpu = await tryWebGpu();
const wasm = await openDevice('wasm', { threads: 2 });
afterAll(() => {
  webgpu?.destroy();
  wasm.destroy();
});

describe.each(
  goldenCases<Device | undefined>([
    ['cpu', new CpuDevice()],
    ['webgpu', webgpu],
    ['wasm', wasm],
  ]),
)('tiny BERT: %s', (_, set, device) => {
  const outputs = readGolden(set, 'outputs');
  const grads = readGolden(set, 'grads');
  const folder = tinyBert(set, 'sequence-classification');
  const runsHere = it.skipIf(!device);
  const { load, main } = goldenInputs(set, device!);
  const encoder = async (override: Partial<BertConfig> = {}) => {
    setDevice(device!);
    const { config, tensors } = await readCheckpoint(folder);
    const model = new BertModel(bertConfig({ ...config, ...override })).eval();
    expect(model.loadWeights(tensors, folder).missing).toEqual([]);
    return model;
  };
  afterEach(() => setDevice(new CpuDevice()));

  runsHere('hidden states, attentions, pooler', async () => {
    const model = await encoder();
    const out = model.forward({ ...main(), outputAttentions: true });
    for (const [i, state] of out.hiddenStates.entries()) {
      expect(
        await distance(state, outputs.get(`main/hidden_states.${i}`)!),
        `state ${i}`,
      ).toBeLessThan(1e-5);
    }
    expect(out.attentions!.length).toBe(model.config.numHiddenLayers);
    for (const [i, probs] of out.attentions!.entries()) {
      expect(
        await distance(probs, outputs.get(`main/attentions.${i}`)!),
        `attention ${i}`,
      ).toBeLessThan(1e-5);
    }
    expect(
      await distance(out.lastHiddenState, outputs.get('main/last_hidden_state')!),
    ).toBeLessThan(1e-5);
    expect(await distance(out.poolerOutput, outputs.get('main/pooler_output')!)).toBeLessThan(1e-5);
  });

  const typed = {
    inputIds: 'input_ids',
    attentionMask: 'attention_mask',
    tokenTypeIds: 'token_type_ids',
  };
  runsHere.each<[string, BertInputNames, Partial<BertConfig>]>([
    ['full', { inputIds: 'full_input_ids' }, {}],
    ['odd', { inputIds: 'odd_input_ids', attentionMask: 'odd_attention_mask' }, {}],
    ['positions', { inputIds: 'odd_input_ids', positionIds: 'position_ids' }, {}],
    ['act-gelu_new', typed, { hiddenAct: 'gelu_new' }],
    ['act-relu', typed, { hiddenAct: 'relu' }],
    ['eps-0.1', typed, { layerNormEps: 0.1 }],
  ])('%s', async (name, names, override) => {
    const model = await encoder(override);
    const given = Object.fromEntries(
      Object.entries(names).map(([input, tensorName]) => [input, load(tensorName)]),
    );
    const out = model.forward({ ...(given as unknown as BertInputs), outputAttentions: true });
    expect(
      await distance(out.lastHiddenState, outputs.get(`${name}/last_hidden_state`)!),
    ).toBeLessThan(1e-5);
    const pooled = outputs.get(`${name}/pooler_output`);
    expect(pooled === undefined).toBe(name === 'positions');
    if (pooled) expect(await distance(out.poolerOutput, pooled)).toBeLessThan(1e-5);
    for (const [i, probs] of out.attentions!.entries()) {
      const expected = outputs.get(`${name}/attentions.${i}`);
      expect(expected !== undefined).toBe(name === 'odd');
      if (expected) expect(await distance(probs, expected), `attention ${i}`).toBeLessThan(1e-5);
    }
  });

  runsHere('gradients of the encoder for given upstream ones', async () => {
    const model = await encoder();
    const out = model.forward(main());
    const upHidden = load('up_last_hidden_state');
    const upPooled = load('up_pooler_output');
    backward(out.lastHiddenState.mul(upHidden).sum().add(out.poolerOutput.mul(upPooled).sum()));
    for (const [name, { grad }] of model.namedParameters()) {
      const expected = grads.get(`encoder_vjp/${name}`) ?? grads.get(`encoder_vjp/bert.${name}`);
      expect(await distance(grad!, expected!), name).toBeLessThan(1e-5);
    }
  });
});
