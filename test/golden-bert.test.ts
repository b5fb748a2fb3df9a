import { readFileSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../src/bert/checkpoint.ts';
import { type BertConfig, bertConfig } from '../src/bert/config.ts';
import { type BertInputs, BertModel } from '../src/bert/model.ts';
import { parseSafetensors, type RawTensor, toFloat32, toInt32 } from '../src/bert/safetensors.ts';
import { BertForSequenceClassification } from '../src/bert/sequenceClassification.ts';
import { CpuDevice } from '../src/gpu/cpu.ts';
import { AdamW, clipGradNorm, getConstantScheduleWithWarmup, getLinearScheduleWithWarmup } from '../src/nn/index.ts';
import { backward, noGrad, scope, setDevice, type Tensor, tensor } from '../src/tensor/index.ts';
import { tryWebGpu } from './support/devices.ts';
import { goldenPath, hasGolden } from './support/golden.ts';

const read = (name: string): Map<string, RawTensor> =>
  hasGolden ? parseSafetensors(readFileSync(goldenPath(`tiny-bert/${name}.safetensors`))).tensors : new Map();
const inputs = read('inputs');
const outputs = read('outputs');
const grads = read('grads');
const training = read('train');
const runs = hasGolden ? JSON.parse(readFileSync(goldenPath('tiny-bert/train.json'), 'utf8')) : {};

type BertInputNames = { [K in Exclude<keyof BertInputs, 'outputAttentions'>]?: string };

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
const folder = goldenPath('tiny-bert/sequence-classification');

/** Largest distance, against 1 or the expected tensor's largest magnitude, whichever is more. */
async function distance(actual: Tensor, expected: RawTensor): Promise<number> {
  const values = toFloat32(expected);
  const got = await actual.data();
  expect(got.length).toBe(values.length);
  let worst = 0;
  let scale = 1;
  for (let i = 0; i < values.length; i++) {
    scale = Math.max(scale, Math.abs(values[i]));
    const error = Math.abs(values[i] - got[i]);
    if (!(error <= worst)) worst = error;
  }
  return worst / scale;
}

describe.skipIf(!hasGolden).each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('tiny BERT on %s', (_, device) => {
  const runsHere = it.skipIf(!device);
  const load = (name: string) => {
    const raw = inputs.get(name)!;
    return tensor(raw.dtype === 'F32' ? toFloat32(raw) : toInt32(raw), { shape: raw.shape, device: device! });
  };
  const main = () => ({
    inputIds: load('input_ids'),
    attentionMask: load('attention_mask'),
    tokenTypeIds: load('token_type_ids'),
  });
  const classifier = async () => {
    setDevice(device!);
    return BertForSequenceClassification.fromPretrained(folder);
  };
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
      expect(await distance(state, outputs.get(`main/hidden_states.${i}`)!), `state ${i}`).toBeLessThan(1e-5);
    }
    expect(out.attentions!.length).toBe(model.config.numHiddenLayers);
    for (const [i, probs] of out.attentions!.entries()) {
      expect(await distance(probs, outputs.get(`main/attentions.${i}`)!), `attention ${i}`).toBeLessThan(1e-5);
    }
    expect(await distance(out.lastHiddenState, outputs.get('main/last_hidden_state')!)).toBeLessThan(1e-5);
    expect(await distance(out.poolerOutput, outputs.get('main/pooler_output')!)).toBeLessThan(1e-5);
  });

  const typed = { inputIds: 'input_ids', attentionMask: 'attention_mask', tokenTypeIds: 'token_type_ids' };
  runsHere.each<[string, BertInputNames, Partial<BertConfig>]>([
    ['full', { inputIds: 'full_input_ids' }, {}],
    ['odd', { inputIds: 'odd_input_ids', attentionMask: 'odd_attention_mask' }, {}],
    ['positions', { inputIds: 'odd_input_ids', positionIds: 'position_ids' }, {}],
    ['act-gelu_new', typed, { hiddenAct: 'gelu_new' }],
    ['act-relu', typed, { hiddenAct: 'relu' }],
    ['eps-0.1', typed, { layerNormEps: 0.1 }],
  ])('%s', async (name, names, override) => {
    const model = await encoder(override);
    const given = Object.fromEntries(Object.entries(names).map(([input, tensorName]) => [input, load(tensorName)]));
    const out = model.forward(given as unknown as BertInputs);
    expect(await distance(out.lastHiddenState, outputs.get(`${name}/last_hidden_state`)!)).toBeLessThan(1e-5);
    const pooled = outputs.get(`${name}/pooler_output`);
    if (pooled) expect(await distance(out.poolerOutput, pooled)).toBeLessThan(1e-5);
  });

  runsHere('logits, loss and every gradient of a classifier', async () => {
    const model = await classifier();
    const out = model.forward({ ...main(), labels: load('seqcls_labels') });
    expect(await distance(out.logits, outputs.get('seqcls/logits')!)).toBeLessThan(1e-5);
    expect(await distance(out.loss!, outputs.get('seqcls/loss')!)).toBeLessThan(1e-5);
    backward(out.loss!);
    const named = model.namedParameters();
    expect(named.map(([name]) => `seqcls/${name}`).sort()).toEqual(
      [...grads.keys()].filter((k) => k.startsWith('seqcls/')).sort(),
    );
    for (const [name, { grad }] of named) {
      expect(await distance(grad!, grads.get(`seqcls/${name}`)!), name).toBeLessThan(1e-5);
    }
  });

  runsHere('several labels, and regression', async () => {
    const model = await classifier();
    const multi = model.forward({ ...main(), labels: load('multilabel_labels') });
    expect(await distance(multi.loss!, outputs.get('multilabel/loss')!)).toBeLessThan(1e-5);
    const regression = await BertForSequenceClassification.fromPretrained(goldenPath('tiny-bert/regression'));
    const out = regression.forward({ ...main(), labels: load('regression_labels') });
    expect(await distance(out.logits, outputs.get('regression/logits')!)).toBeLessThan(1e-5);
    expect(await distance(out.loss!, outputs.get('regression/loss')!)).toBeLessThan(1e-5);
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

  runsHere.each(['seqcls-constant', 'seqcls-warmup'])('20 steps of AdamW: %s', async (name) => {
    const run = runs[name];
    const model = await classifier();
    const noDecay = (parameter: string) => /(bias|LayerNorm\.weight)$/.test(parameter);
    const named = model.namedParameters();
    const group = (decays: boolean) => named.filter(([n]) => noDecay(n) !== decays).map(([, p]) => p);
    const optimizer = new AdamW(
      [
        { params: group(true), weightDecay: run.weight_decay },
        { params: group(false), weightDecay: 0 },
      ],
      { lr: run.lr, betas: run.betas, eps: run.eps },
    );
    const schedule =
      run.schedule === 'constant'
        ? getConstantScheduleWithWarmup(optimizer, run.warmup_steps)
        : getLinearScheduleWithWarmup(optimizer, run.warmup_steps, run.total_steps);
    const batch = { ...main(), labels: load('seqcls_labels') };
    for (let step = 0; step < run.total_steps; step++) {
      expect(schedule.getLastLr()[0]).toBeCloseTo(run.lrs[step], 12);
      const { loss, norm } = scope(() => {
        const { loss } = model.forward(batch);
        backward(loss!);
        const norm = clipGradNorm(model.parameters(), run.clip_grad_norm);
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: loss!, norm };
      });
      schedule.step();
      expect(Math.abs((await loss.item()) - run.losses[step]), `loss before step ${step + 1}`).toBeLessThan(2e-5);
      expect(Math.abs((await norm.item()) / run.grad_norms[step] - 1), `norm at step ${step + 1}`).toBeLessThan(1e-4);
      if (step !== 0 && step !== 4) continue;
      for (const [parameter, value] of named) {
        if (parameter.endsWith('attention.self.key.bias')) continue; // rounding noise by nature
        expect(await distance(value, training.get(`${name}/step${step + 1}/${parameter}`)!), parameter).toBeLessThan(2e-5);
      }
    }
    const last = noGrad(() => model.forward(batch));
    expect(Math.abs((await last.loss!.item()) - run.losses[run.total_steps])).toBeLessThan(2e-5);
    optimizer.dispose();
  });
});
