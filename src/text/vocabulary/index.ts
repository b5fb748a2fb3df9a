export { trainerDefaults, type WordPieceTrainerOptions } from './options.ts';
export { trainWordPiece, WordPieceTrainer, type WordPieceVocabulary } from './train.ts';
