/** Names of the files in a Hugging Face model folder. */
export const modelFiles = {
  config: 'config.json',
  weights: 'model.safetensors',
  /** Says which file has which weight, for a model in several files. */
  weightsIndex: 'model.safetensors.index.json',
  vocab: 'vocab.txt',
  tokenizer: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
  specialTokensMap: 'special_tokens_map.json',
  addedTokens: 'added_tokens.json',
} as const;

/** Those that belong to the tokenizer. */
export const tokenizerFiles: readonly string[] = [
  modelFiles.vocab,
  modelFiles.tokenizer,
  modelFiles.tokenizerConfig,
  modelFiles.specialTokensMap,
  modelFiles.addedTokens,
];
