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
  /** PEFT's: what an adapter is, and its weights. */
  adapterConfig: 'adapter_config.json',
  adapterWeights: 'adapter_model.safetensors',
} as const;

/** Those that belong to the tokenizer. */
export const tokenizerFiles: readonly string[] = [
  modelFiles.vocab,
  modelFiles.tokenizer,
  modelFiles.tokenizerConfig,
  modelFiles.specialTokensMap,
  modelFiles.addedTokens,
];

/** Whether a file holds a part of the weights. */
export const isShard = (name: string): boolean => /^model-\d+-of-\d+\.safetensors$/.test(name);
