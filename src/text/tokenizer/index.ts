export { BasicTokenizer, type BasicTokenizerOptions } from './basic.ts';
export type { DecodeOptions } from './decode.ts';
export type { BatchEncoding, Encoding } from './encode.ts';
export type { EncodeOptions } from './encodeOptions.ts';
export type { AddedToken, BertTokenizerOptions } from './options.ts';
export { BertTokenizer } from './tokenizer.ts';
export { readVocabulary } from './vocabularyFile.ts';
export { WordPiece } from './wordpiece.ts';
