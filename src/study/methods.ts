import { BertBiLMForSequenceClassification } from '../bert/baselines/bidirectional.ts';
import { BertLMForSequenceClassification } from '../bert/baselines/causal.ts';
import { CbowForSequenceClassification } from '../bert/baselines/cbow.ts';
import { BertForSequenceClassification } from '../bert/heads/sequenceClassification.ts';

/** What a study pre-trains for; all predict tokens, so that the same texts in the same batches serve all. */
export const pretrainings = ['cbow', 'causal', 'joined', 'mlm'] as const;
export type Pretraining = (typeof pretrainings)[number];

export const pretrainingTitles: Record<Pretraining, string> = {
  cbow: 'CBOW word vectors',
  causal: 'causal language model',
  joined: 'two directions, joined',
  mlm: 'masked language model',
};

const classifiers = {
  cbow: CbowForSequenceClassification,
  causal: BertLMForSequenceClassification,
  joined: BertBiLMForSequenceClassification,
  mlm: BertForSequenceClassification,
} as const;

/** A way to come to a classifier. */
export interface Method {
  /** As results name it. */
  id: string;
  title: string;
  /** Where its encoder's weights come from; absent: they are random. */
  pretraining?: Pretraining;
  /** Whether the encoder stays as it is, and gives features to a head that is trained. */
  frozen: boolean;
  Model: (typeof classifiers)[Pretraining];
}

const pretrainedMethod = (pretraining: Pretraining, frozen: boolean): Method => ({
  id: `${pretraining}-${frozen ? 'features' : 'fine-tuned'}`,
  title: `${pretrainingTitles[pretraining]}: ${frozen ? 'features' : 'fine-tuned'}`,
  pretraining,
  frozen,
  Model: classifiers[pretraining],
});

/** What is compared, those of one pre-training together. */
export const methods: readonly Method[] = [
  {
    id: 'random',
    title: 'random weights: fine-tuned',
    frozen: false,
    Model: BertForSequenceClassification,
  },
  pretrainedMethod('cbow', true),
  ...(['causal', 'joined', 'mlm'] as const).flatMap((name) => [
    pretrainedMethod(name, true),
    pretrainedMethod(name, false),
  ]),
];

/** What is claimed: that the first does better than the second. */
export const claims: readonly { claim: string; better: string; worse: string }[] = [
  {
    claim: 'pre-trained weights start better than random ones',
    better: 'mlm-fine-tuned',
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
];
