export {
  type AddedToken,
  type BatchEncoding,
  BertTokenizer,
  type BertTokenizerOptions,
  type DecodeOptions,
  type EncodeOptions,
  type Encoding,
} from '../text/tokenizer/index.ts';
export {
  trainWordPiece,
  WordPieceTrainer,
  type WordPieceTrainerOptions,
  type WordPieceVocabulary,
} from '../text/vocabulary/index.ts';
