import type { Pretraining } from './methods.ts';

/** Defaults of a study. This file loads nothing else, so that a program can show them. */
export const studyDefaults = {
  /** `skip-gram` and `bilstm` are asked for by name: they would take half as long again. */
  pretrainings: ['cbow', 'causal', 'joined', 'mlm'] as Pretraining[],
  testRows: 1000,
  sizes: [200, 1000],
  seeds: 2,
  pretrainSteps: 1500,
  pretrainLearningRate: 2e-3,
  vocabSize: 4000,
  layers: 2,
  hiddenSize: 128,
  maxLength: 48,
  batchSize: 32,
  epochs: 6,
  learningRate: 5e-4,
};
