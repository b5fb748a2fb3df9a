export { attentionKeyValueGradient, attentionQueryGradient, attentionTerms } from './backward.ts';
export { attention } from './forward.ts';
export { attentionKeepBits } from './keepBits.ts';
export { keepWords, keyGradientSize, MAX_HEAD_SIZE } from './shape.ts';
