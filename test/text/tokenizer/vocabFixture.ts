import { BertTokenizer, type BertTokenizerOptions } from '../../../src/text/tokenizer/index.ts';

export const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
/** A small vocabulary of English words. */
export const VOCAB = [
  ...SPECIAL,
  'un',
  '##aff',
  '##able',
  'hello',
  'world',
  ',',
  '.',
  '!',
  "'",
  'n',
  '##t',
  't',
  's',
  '##',
];
export const make = (options?: BertTokenizerOptions, extra: string[] = []) =>
  new BertTokenizer([...VOCAB, ...extra], options);
