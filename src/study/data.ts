import { mayBeTable } from '../formats/tables/format.ts';
import type { TableOptions } from '../formats/tables/table.ts';
import { UsageError } from '../platform/errors.ts';
import { listFolder } from '../platform/readFiles.ts';
import { joinPath } from '../platform/runtime.ts';
import {
  type DataOptions,
  type Example,
  type LabelledData,
  readData,
} from '../train/data/labelledData.ts';
import { stratifiedSplit } from '../train/data/split.ts';
import type { Document } from '../train/pretraining/corpus.ts';
import { type FileMarks, markFiles } from '../train/recipes/start.ts';

export interface StudyData {
  train: readonly Example[];
  test: readonly Example[];
  labels: readonly string[];
  /** Sizes and hashes of the files. */
  marks: FileMarks;
}

export interface StudySource
  extends TableOptions,
    Pick<DataOptions, 'textColumn' | 'pairColumn' | 'labelColumn'> {
  /** A labelled file, or a folder of one to train on and one to test with. */
  data: string;
  /** File to test with. Default: the folder's, else a part of `data` that is set aside. */
  test?: string;
  testRows: number;
}

/**
 * Reads the data of a study. The test rows are the same for all seeds and keep the shares of
 * labels.
 * @param onRead receives each file as it is read
 * @throws UsageError when a file cannot be read, or there is too little in it.
 */
export async function readStudyData(
  { data, test, testRows, ...columns }: StudySource,
  onRead: (path: string, data: LabelledData) => void = () => {},
): Promise<StudyData> {
  const [trainPath, testPath] = await trainAndTestFiles(data, test);
  const read = async (path: string, labels?: readonly string[]) => {
    const found = await readData(path, { ...columns, task: 'classification', labels });
    onRead(path, found);
    return found;
  };
  const { examples, labels } = await read(trainPath);
  if (labels.length < 2)
    throw new UsageError(`${trainPath}: expected two or more labels, got one only (${labels[0]})`);
  const paths = testPath === undefined ? [trainPath] : [trainPath, testPath];
  const marks = await markFiles(paths);
  if (testPath !== undefined) {
    const all = (await read(testPath, labels)).examples;
    const drawn = testRows < all.length ? drawStratified(all, testRows, 0).drawn : all;
    return { train: examples, test: drawn, labels, marks };
  }
  if (testRows >= examples.length)
    throw new UsageError(
      `\`testRows\`: expected less than the ${examples.length} rows of ${trainPath}, ` +
        `got ${testRows}; ` +
        'choose fewer, or set `test` to a file',
    );
  const { drawn, rest } = drawStratified(examples, testRows, 0);
  return { train: rest, test: drawn, labels, marks };
}

/**
 * Unlabelled texts and labelled rows of one seed, `count` of them, fewer than there are; smaller
 * sizes use the first.
 */
export function splitForSeed(
  { train }: StudyData,
  count: number,
  seed: number,
): { texts: Document[]; labelled: Example[] } {
  const { drawn, rest } = drawStratified(train, count, seed);
  return {
    texts: rest.map(({ text, pair }) => (pair === undefined ? [text] : [text, pair])),
    labelled: drawn,
  };
}

/** Draws `count` examples; labels keep their shares. */
function drawStratified(
  examples: readonly Example[],
  count: number,
  seed: number,
): { drawn: Example[]; rest: Example[] } {
  const labels = examples.map(({ label }) => label as number);
  const { train, valid } = stratifiedSplit(labels, count / examples.length, seed);
  return { drawn: valid.map((i) => examples[i]), rest: train.map((i) => examples[i]) };
}

/** The file to train on, and the one to test with if there is one. */
async function trainAndTestFiles(
  data: string,
  test: string | undefined,
): Promise<[train: string, test: string | undefined]> {
  if (/\.[^./\\]+$/.test(data)) return [data, test];
  const names = ((await listFolder(data)) ?? []).filter(mayBeTable);
  const find = (part: string) => {
    const found = names.filter((name) => name.toLowerCase().includes(part));
    if (found.length === 1) return joinPath(data, found[0]);
    const inside = names.length === 0 ? 'no TSV, CSV, JSONL or TXT at all' : names.join(', ');
    throw new UsageError(
      `${data}: expected one file with "${part}" in its name, got ${inside}; ` +
        'set `data` and `test` to files',
    );
  };
  return [find('train'), test ?? find('test')];
}
