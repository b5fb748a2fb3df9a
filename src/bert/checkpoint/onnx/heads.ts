import { CBOW_WINDOW } from '../../baselines/cbow.ts';
import type { BertConfig } from '../../config.ts';
import type { Architecture } from '../../registry.ts';
import {
  bertDirections,
  type Directions,
  endStates,
  lstmDirections,
  scalarMix,
  wordContext,
} from './baselines.ts';
import {
  activate,
  additiveMask,
  causalMask,
  embeddings,
  encoder,
  endState,
  firstState,
  meanState,
  type OnnxInputs,
  pooler,
} from './encoder.ts';
import type { OnnxLayers } from './layers.ts';

/** An output of a graph, by the name that optimum gives it, and its dimensions. */
export interface OnnxOutput {
  name: string;
  value: string;
  dims: readonly (string | number)[];
}

/** What the encoder of a family gives. */
interface Encoded {
  /** [batch, length, size] */
  states: string;
  size: number;
  /** One vector per text, before the pooler. */
  vector: () => string;
  directions?: Directions;
}

export interface HeadContext {
  layers: OnnxLayers;
  config: BertConfig;
  inputs: OnnxInputs;
  entry: Pick<Architecture, 'family' | 'head'>;
}

const families: Record<Architecture['family'], (context: HeadContext, at: string) => Encoded> = {
  bert(context, at) {
    const states = oneWay(context, at, additiveMask(context.layers, context.inputs.mask));
    return { ...sized(context, states), vector: () => firstState(context.layers, states) };
  },
  causal(context, at) {
    const { layers, inputs } = context;
    const mask = causalMask(layers, additiveMask(layers, inputs.mask), inputs.ids);
    const states = oneWay(context, at, mask);
    const vector = () => endState(layers, states, inputs.mask, 'last');
    return { ...sized(context, states), vector };
  },
  bidirectional({ layers, config, inputs }, at) {
    const directions = bertDirections(layers, at, inputs, config);
    return {
      ...joined(layers, directions, config),
      vector: () => endStates(layers, directions, inputs.mask),
    };
  },
  bilstm({ layers, config, inputs }, at) {
    const all = lstmDirections(layers, at, inputs, config);
    const ends = () => all.map((each) => endStates(layers, each, inputs.mask));
    return {
      ...joined(layers, all.at(-1)!, config),
      vector: () => scalarMix(layers, ends(), 'scalar_mix'),
    };
  },
  cbow(context, at) {
    const { layers, inputs } = context;
    const states = layers.embedding(inputs.ids, `${at}embeddings.word_embeddings.weight`);
    return { ...sized(context, states), vector: () => meanState(layers, states, inputs.mask) };
  },
};

const sized = ({ config }: HeadContext, states: string) => ({ states, size: config.hiddenSize });

function oneWay({ layers, config, inputs }: HeadContext, at: string, mask: string): string {
  const embedded = embeddings(layers, `${at}embeddings.`, inputs, config);
  return encoder(layers, `${at}encoder.`, embedded, mask, config);
}

const joined = (layers: OnnxLayers, directions: Directions, { hiddenSize }: BertConfig) => ({
  states: layers.graph.node('Concat', [directions.forward, directions.backward], { axis: -1 }),
  size: 2 * hiddenSize,
  directions,
});

const TOKENS = ['batch_size', 'sequence_length'] as const;

type HeadWriter = (context: HeadContext, encoded: Encoded) => OnnxOutput[];

const perText = (name: string, value: string, size: number): OnnxOutput => ({
  name,
  value,
  dims: [TOKENS[0], size],
});
const perToken = (name: string, value: string, size: number): OnnxOutput => ({
  name,
  value,
  dims: [...TOKENS, size],
});

const lastHiddenState: HeadWriter = (_, { states, size }) => [
  perToken('last_hidden_state', states, size),
];

/** Scores of all tokens from states. */
function tokenScores({ layers, config }: HeadContext, states: string): string {
  const at = 'cls.predictions';
  const { transform, table } = {
    transform: `${at}.transform`,
    table: layers.has(`${at}.decoder.weight`)
      ? `${at}.decoder.weight`
      : 'bert.embeddings.word_embeddings.weight',
  };
  let x = states;
  if (layers.has(`${transform}.dense.weight`)) {
    x = activate(layers, layers.linear(x, `${transform}.dense`), config.hiddenAct);
    x = layers.layerNorm(x, `${transform}.LayerNorm`, config.layerNormEps);
  }
  return layers.scores(x, table, `${at}.bias`);
}

const languageModel: HeadWriter = (context, { states }) => [
  perToken('logits', tokenScores(context, states), context.config.vocabSize),
];

const followsOn = ({ layers }: HeadContext, { vector }: Encoded): string =>
  layers.linear(pooler(layers, vector(), 'bert.pooler'), 'cls.seq_relationship', { exact: true });

const isBert = ({ entry }: HeadContext): boolean => entry.family === 'bert';

const classifier = (context: HeadContext, { vector }: Encoded): string => {
  const { layers } = context;
  const at = isBert(context) ? 'bert.pooler' : 'pooler';
  return layers.linear(pooler(layers, vector(), at), 'classifier', { exact: true });
};

const heads: Record<Architecture['head'], HeadWriter> = {
  none: lastHiddenState,
  pooler: (context, encoded) => [
    ...lastHiddenState(context, encoded),
    perText(
      'pooler_output',
      pooler(context.layers, encoded.vector(), 'pooler'),
      context.config.hiddenSize,
    ),
  ],
  'masked-lm': languageModel,
  'causal-lm': languageModel,
  'next-sentence-prediction': (context, encoded) => [
    perText('logits', followsOn(context, encoded), 2),
  ],
  pretraining: (context, encoded) => [
    perToken('prediction_logits', tokenScores(context, encoded.states), context.config.vocabSize),
    perText('seq_relationship_logits', followsOn(context, encoded), 2),
  ],
  'sequence-classification': (context, encoded) => [
    perText('logits', classifier(context, encoded), context.config.numLabels),
  ],
  'token-classification': ({ layers, config }, { states }) => [
    perToken('logits', layers.linear(states, 'classifier', { exact: true }), config.numLabels),
  ],
  'question-answering': ({ layers }, { states }) => {
    const logits = layers.linear(states, 'qa_outputs', { exact: true });
    return ['start_logits', 'end_logits'].map((name, i) => {
      const index = layers.graph.constant('int64', i);
      const value = layers.graph.node('Gather', [logits, index], { axis: 2 });
      return { name, value, dims: TOKENS };
    });
  },
  'multiple-choice': (context, encoded) => [
    { name: 'logits', value: classifier(context, encoded), dims: ['batch_size', 'num_choices'] },
  ],
  'bidirectional-lm': (context, { directions }) =>
    (['forward', 'backward'] as const).map((direction) =>
      perToken(
        direction === 'forward' ? 'logits' : 'backward_logits',
        tokenScores(context, directions![direction]),
        context.config.vocabSize,
      ),
    ),
  'cbow-lm': (context, encoded) => [
    ...lastHiddenState(context, encoded),
    perToken(
      'context',
      wordContext(context.layers, encoded.states, context.inputs, CBOW_WINDOW),
      context.config.hiddenSize,
    ),
  ],
  'skip-gram-lm': lastHiddenState,
};

/** The outputs of a model with any head. */
export function headOutputs(context: HeadContext): OnnxOutput[] {
  const { family, head } = context.entry;
  const at = head === 'none' || head === 'pooler' ? '' : 'bert.';
  return heads[head](context, families[family](context, at));
}
