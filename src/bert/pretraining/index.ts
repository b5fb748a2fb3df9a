export type { ExampleKey } from './draw.ts';
export { type MaskedTokens, type MaskingOptions, TokenMasker } from './maskedLanguageModel.ts';
export {
  type NextSentenceExample,
  type NextSentenceOptions,
  nextSentenceExamples,
  readDocuments,
  type TokenDocument,
} from './nextSentence.ts';
