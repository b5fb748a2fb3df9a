/** Names of the files in a Hugging Face model folder. */

export const CONFIG_FILE = 'config.json';
export const WEIGHTS_FILE = 'model.safetensors';
/** Names the shard of each weight, for weights in several files. */
export const WEIGHTS_INDEX_FILE = 'model.safetensors.index.json';
export const VOCAB_FILE = 'vocab.txt';
export const TOKENIZER_FILE = 'tokenizer.json';

/** The files that belong to the tokenizer. */
export const tokenizerFiles: readonly string[] = [
  VOCAB_FILE,
  TOKENIZER_FILE,
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];

/** Whether a file holds a part of the weights. */
export const isShard = (name: string): boolean => /^model-\d+-of-\d+\.safetensors$/.test(name);
