export { trainerDefaults, type WordPieceTrainerOptions } from './options.ts';
export { trainWordPiece, type WordPieceVocabulary } from './train.ts';
