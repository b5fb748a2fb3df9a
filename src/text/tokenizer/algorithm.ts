import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';

/**
 * Tells tokenizers that are BERT's WordPiece from others. Read as WordPiece, the vocabulary of
 * another algorithm gives wrong ids without any error.
 */

/** Hugging Face's classes, without `Fast`, that split and number texts as `BertTokenizer` does. */
const WORDPIECE_CLASSES = new Set([
  'BertTokenizer',
  'ConvBertTokenizer',
  'DistilBertTokenizer',
  'DPRContextEncoderTokenizer',
  'DPRQuestionEncoderTokenizer',
  'ElectraTokenizer',
  'LayoutLMTokenizer',
  'LxmertTokenizer',
  'MobileBertTokenizer',
  'RetriBertTokenizer',
  'SqueezeBertTokenizer',
  // Classes for any algorithm: tokenizer.json tells which.
  'PreTrainedTokenizer',
  'TokenizersBackend',
]);

/** What other classes are: how their names begin. */
const OTHER_CLASSES: [algorithm: string, names: string][] = [
  [
    'SentencePiece',
    'Albert BertGeneration BigBird Camembert DebertaV2 DistilKoBert KoBert Llama MBart MT5 ' +
      'Pegasus RemBert T5 XLMRoberta XLNet',
  ],
  ['BPE', 'Bart Bertweet CLIP Deberta GPT2 Herbert Longformer Phobert Roberta XLM'],
  ['a morphological analyser', 'BertJapanese RoFormer'],
  ['WordPiece with other special tokens', 'Funnel MPNet Splinter'],
];

/** What to do about another algorithm. */
export const ADVICE = "use a model with BERT's WordPiece tokenizer, such as klue/bert-base";

/**
 * Checks the class that the files of a folder name.
 * @param path the file that names it
 * @param isChosen whether the caller chose a class for the folder, so that an unknown one passes
 * @throws UsageError unless texts are tokenized as `BertTokenizer` does.
 */
export function checkTokenizerClass(path: string, name: string, isChosen: boolean): void {
  const plain = name.replace(/Fast$/, '');
  if (WORDPIECE_CLASSES.has(plain)) return;
  const begins = (start: string) => plain.toLowerCase().startsWith(start.toLowerCase());
  const [algorithm] = OTHER_CLASSES.find(([, starts]) => starts.split(' ').some(begins)) ?? [];
  if (algorithm)
    throw new UsageError(
      `${path}: tokenizer_class ${formatValue(name)} is not BERT's WordPiece but ${algorithm}, ` +
        `which wigbert does not have: ${ADVICE}`,
    );
  if (!isChosen)
    throw new UsageError(
      `${path}: tokenizer_class ${formatValue(name)} is not a known WordPiece tokenizer: ` +
        `if it is one, set tokenizer_class to "BertTokenizer" in that file; if not, ${ADVICE}`,
    );
}

/** @throws UsageError unless the type of the model in a `tokenizer.json` is WordPiece. */
export function checkModelType(path: string, type: unknown): void {
  if (type !== 'WordPiece')
    throw new UsageError(
      `${path}: model.type: expected "WordPiece", got ${formatValue(type)}, ` +
        `an algorithm that wigbert does not have: ${ADVICE}`,
    );
}

/** Names of files that only tokenizers other than WordPiece have. */
const OTHER_FILES: [algorithm: string, names: RegExp][] = [
  ['SentencePiece', /\.model$/],
  ['BPE', /^(merges\.txt|bpe\.codes|vocab\.bpe)$/],
];

/**
 * The files of a folder that show another algorithm, with its name; undefined without any. Pass
 * null where files cannot be listed.
 */
export function otherAlgorithm(names: readonly string[] | null): [string, string] | undefined {
  for (const [algorithm, pattern] of OTHER_FILES) {
    const found = names?.find((name) => pattern.test(name));
    if (found !== undefined) return [algorithm, found];
  }
  return undefined;
}

/**
 * Checks that a vocabulary is WordPiece's, where pieces inside a word begin with `##`, and not
 * SentencePiece's, where pieces at its start begin with `▁`.
 * @param names files of its folder: a file of another algorithm counts if no piece has `##`
 * @throws UsageError if it is of another algorithm.
 */
export function checkPieces(
  path: string,
  vocab: readonly string[],
  prefix = '##',
  names: readonly string[] | null = null,
): void {
  let [continuations, starts] = [0, 0];
  for (const token of vocab) {
    if (token.length > prefix.length && token.startsWith(prefix)) continuations++;
    if (token.length > 1 && token.startsWith('▁')) starts++;
  }
  const isSentencePiece = starts > continuations;
  const other = continuations === 0 ? otherAlgorithm(names) : undefined;
  if (!isSentencePiece && !other) return;
  const [algorithm, why] = isSentencePiece
    ? ['SentencePiece', `${starts} pieces begin with ▁`]
    : [other![0], `it stands beside ${other![1]}`];
  throw new UsageError(
    `${path}: expected the pieces of WordPiece, got those of ${algorithm} ` +
      `(${continuations} pieces begin with ${formatValue(prefix)}, ${why}), ` +
      `which wigbert does not have: ${ADVICE}`,
  );
}
