export * as nn from '../../../src/nn/index.ts';
export * as optim from '../../../src/nn/optim/index.ts';
