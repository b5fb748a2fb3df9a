import type { HostTensor } from '../../tensor/index.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';

/** Tokens of an example, or of all its choices. */
export interface ChoiceTokens {
  inputIds: number[];
  tokenTypeIds: number[];
  /** The number of tokens of each choice, one of which follows the other in `inputIds`. */
  choiceLengths?: number[];
}

/** A text with each of its choices, `[CLS] text [SEP] choice [SEP]`, one after the other. */
export function encodeChoices(
  text: string,
  choices: readonly string[],
  tokenizer: BertTokenizer,
  maxLength: number,
): ChoiceTokens & { truncated?: true } {
  const rows = choices.map((choice) =>
    tokenizer.encode(text, choice, { maxLength, truncation: 'longest_first' }),
  );
  const truncated = rows.some(
    ({ inputIds }, i) =>
      inputIds.length === maxLength &&
      tokenizer.tokenize(text).length + tokenizer.tokenize(choices[i]).length + 3 > maxLength,
  );
  return {
    inputIds: rows.flatMap(({ inputIds }) => inputIds),
    tokenTypeIds: rows.flatMap(({ tokenTypeIds }) => tokenTypeIds),
    choiceLengths: rows.map(({ inputIds }) => inputIds.length),
    ...(truncated && { truncated: true }),
  };
}

/**
 * Inputs of a batch as [examples, choices, length]. Where some examples have fewer choices than
 * others, `choiceMask` [examples, choices] is 0 for those that are missing.
 */
export function collateChoices<K extends string>(
  examples: readonly ChoiceTokens[],
  collate: (rows: ChoiceTokens[]) => Record<K, HostTensor>,
): Record<K, HostTensor> {
  const counts = examples.map(({ choiceLengths }) => choiceLengths!.length);
  const most = Math.max(...counts);
  const rows = examples.flatMap((example) => choiceRows(example, most));
  const inputs = Object.entries<HostTensor>(collate(rows)).map(([name, { data, shape }]) => {
    return [name, { data, shape: [examples.length, most, shape[1]] }];
  });
  if (counts.some((count) => count < most)) {
    const mask = counts.flatMap((count) =>
      Array.from({ length: most }, (_, i) => (i < count ? 1 : 0)),
    );
    const shape = [examples.length, most];
    inputs.push(['choiceMask', { data: Float32Array.from(mask), shape }]);
  }
  return Object.fromEntries(inputs);
}

/** Each choice of an example, filled up to `most` with copies of the first. */
function choiceRows({ inputIds, tokenTypeIds, choiceLengths }: ChoiceTokens, most: number) {
  let end = 0;
  const rows: ChoiceTokens[] = choiceLengths!.map((length) => {
    end += length;
    return {
      inputIds: inputIds.slice(end - length, end),
      tokenTypeIds: tokenTypeIds.slice(end - length, end),
    };
  });
  while (rows.length < most) rows.push(rows[0]);
  return rows;
}
