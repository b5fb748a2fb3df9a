import type { RowProblem } from '../../formats/tables/rows.ts';
import type { TableOptions } from '../../formats/tables/table.ts';
import { UsageError } from '../../platform/errors.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { batches } from '../data/split.ts';
import { type Document, openCorpus } from '../pretraining/corpus.ts';
import {
  ExampleBuilder,
  type ExampleBuilderOptions,
  type PretrainBatch,
} from '../pretraining/objective.ts';
import type { PretrainData } from '../pretraining/pretrain.ts';
import { documentsOfSplit, validSeed } from '../pretraining/stream.ts';
import type { InputEvent } from './events.ts';
import { UnseenCounter } from './reports.ts';

export interface PretrainDataOptions extends ExampleBuilderOptions, TableOptions {
  /**
   * Plain texts, one per line (documents separated by empty lines), or tables with a text column.
   */
  files: readonly string[];
  /** File to validate with, all of it. Default: a part of `files`. */
  valid?: string;
  /** Share of the texts held out to validate with, some thousand at most. Default 0.05. */
  validSplit: number;
  textColumn?: string;
  pairColumn?: string;
  seed: number;
}

type Report = (event: InputEvent) => void;

/** Opens what is trained on, and turns what is held out into batches. */
export async function openPretrainData(
  settings: PretrainDataOptions,
  tokenizer: BertTokenizer,
  report: Report,
): Promise<PretrainData> {
  const { files, valid, validSplit, objective, seed } = settings;
  const { textColumn, pairColumn, format, encoding } = settings;
  const reported = new Set<string>();
  const onProblems = (path: string, problems: readonly RowProblem[]) => {
    // The corpus is read once an epoch.
    if (problems.length > 0 && !reported.has(path))
      report({ event: 'skippedRows', path, problems });
    reported.add(path);
  };
  const options = {
    ...{ textColumn, pairColumn, format, encoding, onProblems },
    blankLineSeparated: objective !== 'mlm',
    onEncoding: (path: string, encoding: string) => {
      if (encoding !== 'UTF-8') report({ event: 'encoding', path, encoding });
    },
  };
  const corpus = await openCorpus([...files], options);
  const validCorpus = valid === undefined ? undefined : await openCorpus([valid], options);
  const exampleBuilder = new ExampleBuilder(tokenizer, settings);
  await reportUnknownIn(corpus(), files, tokenizer, report);
  const heldOut: Document[] = [];
  const held = validCorpus ? validCorpus() : documentsOfSplit(corpus(), 'valid', validSplit, seed);
  for await (const document of held) heldOut.push(document);
  return {
    documents: validCorpus ? corpus : () => documentsOfSplit(corpus(), 'train', validSplit, seed),
    exampleBuilder,
    valid: await validBatches(heldOut, exampleBuilder, settings),
  };
}

async function validBatches(
  documents: readonly Document[],
  builder: ExampleBuilder,
  { valid, validSplit, objective, batchSize, seed: runSeed }: PretrainDataOptions,
): Promise<PretrainBatch[]> {
  const seed = validSeed(runSeed);
  const examples = await builder.examples(documents, seed);
  if (examples.length === 0 && (valid !== undefined || validSplit > 0))
    throw new UsageError(
      valid === undefined
        ? `\`validSplit\`: ${validSplit} of the texts gives no example to validate with; ` +
            'give more texts, a greater share, or 0'
        : `${valid} gives no example to validate with: expected texts with words of the ` +
            'vocabulary' +
            (objective === 'mlm' ? '' : ', in documents of two or more sentences'),
    );
  return batches(builder.sortByLength(examples), batchSize).map((some, i) =>
    builder.collate(some, seed, i * batchSize),
  );
}

/** Documents by which a vocabulary is judged. */
const JUDGED_DOCUMENTS = 1000;

async function reportUnknownIn(
  documents: AsyncIterable<Document>,
  files: readonly string[],
  tokenizer: BertTokenizer,
  report: Report,
): Promise<void> {
  const unseen = new UnseenCounter(tokenizer, Number.POSITIVE_INFINITY);
  let count = 0;
  for await (const document of documents) {
    const examples = document.map((text) => ({ text }));
    unseen.add({ examples, encoded: document.map((text) => tokenizer.encode(text)) });
    if (++count === JUDGED_DOCUMENTS) break;
  }
  unseen.report(files.join(', '), report);
}
