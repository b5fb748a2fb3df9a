import { removeOtherTokenizer } from '../../formats/removeModel.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import type { ResolvedTokenizerOptions } from './options.ts';
import type { PassthroughSettings } from './passthrough.ts';
import { toStored } from './storedTokens.ts';
import { writeTokenizerJson } from './tokenizerJson.ts';
import type { Vocabulary } from './vocabulary.ts';

/**
 * The files of a tokenizer's folder, which Python's `from_pretrained` loads: content by name.
 * `tokenizer.json`, for Rust and JavaScript, is left out only with `neverSplit`, which no fast
 * tokenizer has.
 */
export function folderFiles(
  vocabulary: Vocabulary,
  given: ResolvedTokenizerOptions,
  passthroughSettings: PassthroughSettings | undefined,
): Record<string, string> {
  const options = given.doBasicTokenize ? given : { ...given, ...changingNothing };
  const fast = options.tokenizerClass === 'BertTokenizerFast';
  const special = specialTokensMap(options);
  const config = {
    tokenizer_class: options.tokenizerClass,
    do_lower_case: options.doLowerCase,
    ...(!fast && {
      do_basic_tokenize: options.doBasicTokenize,
      never_split: options.neverSplit.length > 0 ? options.neverSplit : null,
    }),
    strip_accents: options.stripAccents,
    tokenize_chinese_chars: options.tokenizeChineseChars,
    clean_up_tokenization_spaces: options.cleanUpTokenizationSpaces,
    padding_side: options.paddingSide,
    ...(Number.isFinite(options.modelMaxLength) && { model_max_length: options.modelMaxLength }),
    ...special,
    added_tokens_decoder: Object.fromEntries(
      options.noSplitTokens.map((token): [number, object] => [
        vocabulary.tokenToId(token.content)!,
        toStored(token),
      ]),
    ),
  };
  return {
    'vocab.txt': vocabulary.baseTokens.map((line) => `${line}\n`).join(''),
    ...(options.neverSplit.length === 0 && {
      'tokenizer.json': json(writeTokenizerJson(vocabulary, options, passthroughSettings)),
    }),
    'tokenizer_config.json': json(config),
    'special_tokens_map.json': json(special),
    ...(vocabulary.addedTokensEncoder.size > 0 && {
      'added_tokens.json': json(Object.fromEntries(vocabulary.addedTokensEncoder)),
    }),
  };
}

/**
 * Without the basic tokenizer the Python class changes no character, whatever else it is told. The
 * fast class, for which Python's `AutoTokenizer` may take the folder, knows only these settings.
 */
const changingNothing = {
  cleanText: false,
  tokenizeChineseChars: false,
  stripAccents: false,
  doLowerCase: false,
};

/** Writes the files of a tokenizer into a folder, in place of those of another one. */
export async function saveFiles(
  dir: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  await writeFiles(dir, files);
  await removeOtherTokenizer(dir, files);
}

function specialTokensMap(options: ResolvedTokenizerOptions): object {
  const { additionalSpecialTokens } = options;
  return {
    unk_token: options.unkToken,
    sep_token: options.sepToken,
    pad_token: options.padToken,
    cls_token: options.clsToken,
    mask_token: options.maskToken,
    ...(additionalSpecialTokens.length > 0 && {
      additional_special_tokens: additionalSpecialTokens,
    }),
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
