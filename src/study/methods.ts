import type { ModelClass } from '../bert/pretrainedModel.ts';
import { architectures, findModelClass, type ModelOf } from '../bert/registry.ts';
import type { Objective } from '../train/pretraining/objective.ts';

/**
 * What a study pre-trains for. All of them predict tokens, so all can see the same texts in the
 * same batches.
 */
export const pretrainings = [
  'cbow',
  'skip-gram',
  'causal',
  'joined',
  'bilstm',
  'mlm',
] as const satisfies Objective[];
export type Pretraining = (typeof pretrainings)[number];

export const pretrainingTitles: Record<Pretraining, string> = {
  cbow: 'CBOW word vectors',
  'skip-gram': 'skip-gram word vectors',
  causal: 'causal language model',
  joined: 'two directions, joined',
  bilstm: 'two LSTMs, joined (ELMo)',
  mlm: 'masked language model',
};

type Classifier = ModelClass<ModelOf<'sequence-classification'>>;

/** The classifier on the encoder that an objective pre-trains. */
function classifierFor(objective: Objective): Classifier {
  const entry = architectures.find((each) => 'objective' in each && each.objective === objective)!;
  return findModelClass('sequence-classification', entry.family)!;
}

/** A way to get a classifier. */
export interface Method {
  /** Its name in the results. */
  id: string;
  title: string;
  /** Where the encoder's weights come from; absent: they are random. */
  pretraining?: Pretraining;
  /** Whether the encoder is frozen, so that only the head is trained. */
  frozen: boolean;
  Model: Classifier;
}

const pretrainedMethod = (pretraining: Pretraining, frozen: boolean): Method => ({
  id: `${pretraining}-${frozen ? 'features' : 'fine-tuned'}`,
  title: `${pretrainingTitles[pretraining]}: ${frozen ? 'features' : 'fine-tuned'}`,
  pretraining,
  frozen,
  Model: classifierFor(pretraining),
});

/** All that a study can compare, grouped by pre-training. */
export const methods: readonly Method[] = [
  {
    id: 'random',
    title: 'random weights: fine-tuned',
    frozen: false,
    Model: classifierFor('mlm'),
  },
  pretrainedMethod('cbow', true),
  pretrainedMethod('skip-gram', true),
  ...(['causal', 'joined', 'bilstm', 'mlm'] as const).flatMap((name) => [
    pretrainedMethod(name, true),
    pretrainedMethod(name, false),
  ]),
];

/** Random weights, and the methods that stand on some pre-trainings. */
export const methodsOn = (chosen: readonly Pretraining[]): Method[] =>
  methods.filter(({ pretraining }) => !pretraining || chosen.includes(pretraining));

/** Claims that the first method does better than the second. */
export const claims: readonly { claim: string; better: string; worse: string }[] = [
  {
    claim: 'pre-trained weights start better than random ones',
    better: 'mlm-fine-tuned',
    worse: 'random',
  },
  {
    claim: 'those of one direction too',
    better: 'causal-fine-tuned',
    worse: 'random',
  },
  {
    claim: 'and those of two, joined',
    better: 'joined-fine-tuned',
    worse: 'random',
  },
  {
    claim: 'fine-tuning does better than features',
    better: 'mlm-fine-tuned',
    worse: 'mlm-features',
  },
  {
    claim: 'features of a language model do better than word vectors',
    better: 'mlm-features',
    worse: 'cbow-features',
  },
  {
    claim: 'or than vectors of skip-gram',
    better: 'mlm-features',
    worse: 'skip-gram-features',
  },
  {
    claim: 'seeing both sides does better than one, fine-tuned',
    better: 'mlm-fine-tuned',
    worse: 'causal-fine-tuned',
  },
  {
    claim: 'and than two glued together, fine-tuned',
    better: 'mlm-fine-tuned',
    worse: 'joined-fine-tuned',
  },
  {
    claim: 'seeing both sides does better than one, as features',
    better: 'mlm-features',
    worse: 'causal-features',
  },
  {
    claim: 'and than two glued together, as features',
    better: 'mlm-features',
    worse: 'joined-features',
  },
  {
    claim: 'and than two LSTMs, as features (ELMo)',
    better: 'mlm-features',
    worse: 'bilstm-features',
  },
];
