export { GELU, ReLU, Tanh } from './activations.ts';
export * as init from './init.ts';
export { Dropout, Embedding, LayerNorm, Linear, parameter } from './layers.ts';
export { Module } from './module.ts';
export { Sequential } from './sequential.ts';
