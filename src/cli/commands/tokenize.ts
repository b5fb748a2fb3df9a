import { Command } from 'commander';
import { jsonOption, positiveInteger } from '../options.ts';
import { noteCased } from '../resume.ts';

export function tokenizeCommand(): Command {
  return new Command('tokenize')
    .argument('<text>', 'the text')
    .argument('[pair]', 'the second text of a pair')
    .option('--model <dir>', 'folder with the tokenizer, or its name on the Hugging Face hub')
    .option('--vocab <file>', 'a vocab.txt without a model')
    .option('--cased', 'the vocabulary keeps case and accents')
    .option('--max-length <tokens>', 'cut to this length', positiveInteger)
    .addOption(jsonOption())
    .action(
      async (text: string, pair: string | undefined, { model, vocab, cased, maxLength, json }) => {
        const { checkStart, fetchModel } = await import('../../train/recipes/start.ts');
        const { BertTokenizer, readVocabulary } = await import('../../text/tokenizer/index.ts');
        const { reportInput } = await import('../inputReports.ts');
        checkStart({ model, vocab });
        const { checkAreTexts } = await import('../texts.ts');
        await checkAreTexts(
          [text, ...(pair === undefined ? [] : [pair])],
          () => 'give one text, such as a line of it',
        );
        noteCased({ model, cased });
        const tokenizer = model
          ? await BertTokenizer.fromPretrained(
              await fetchModel(model, (event) => reportInput(event, json)),
            )
          : new BertTokenizer(await readVocabulary(vocab), { doLowerCase: !cased });
        const { reportTokenized } = await import('../tokenizing.ts');
        reportTokenized(tokenizer, { text, pair, maxLength }, (event) =>
          reportInput(event, json, { vocab, cased }),
        );
        const encoding = tokenizer.encode(text, pair, {
          maxLength,
          truncation: maxLength ? 'longest_first' : false,
        });
        const tokens = tokenizer.convertIdsToTokens(encoding.inputIds);
        if (json) {
          console.log(JSON.stringify({ tokens, ...encoding }));
          return;
        }
        tokens.forEach((token, i) => {
          console.log(
            `${String(encoding.inputIds[i]).padStart(6)}  ${encoding.tokenTypeIds[i]}  ${token}`,
          );
        });
      },
    );
}
