import type { BertTokenizer } from '../text/tokenizer/index.ts';
import { encodeExamples } from '../train/data/batch.ts';
import type { InputEvent } from '../train/recipes/events.ts';
import { reportUnseen } from '../train/recipes/reports.ts';

/** Reports what a model would not see of a text or pair: what is cut off or unknown. */
export function reportTokenized(
  tokenizer: BertTokenizer,
  { text, pair, maxLength }: { text: string; pair?: string; maxLength?: number },
  report: (event: InputEvent) => void,
): void {
  const longest = maxLength ?? Number.MAX_SAFE_INTEGER;
  const examples = [{ text, pair, label: undefined }];
  const encoded = encodeExamples(examples, tokenizer, longest, longest);
  reportUnseen('the text', { examples, encoded, tokenizer, maxLength: longest }, report);
}
