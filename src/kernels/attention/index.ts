export { attentionKeyValueGradient, attentionQueryGradient, attentionTerms } from './backward.ts';
export { attention } from './forward.ts';
export { attentionKept } from './keepBits.ts';
export { keptWords, keyGradientSize, MAX_SIZE } from './shape.ts';
