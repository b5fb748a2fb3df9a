import { formatNames, formatValue } from '../platform/format.ts';
import type {
  CheckDataResult,
  DataProblem,
  FileCheck,
  SharedTexts,
} from '../train/recipes/checkData.ts';
import type { Found, SameText } from '../train/recipes/fileChecker.ts';
import { percent } from './table.ts';

/** Prints what was found in data, for people. */
export function showDataCheck({ task, files, shared, problems }: CheckDataResult): void {
  for (const file of files) {
    console.log(`${file.file}: ${count(file.rows, 'row')}, ${task}, ${kindOf(file)}`);
    const width = Math.max(...linesOf(file, task).map(([title]) => title.length));
    for (const [title, text] of linesOf(file, task))
      console.log(`  ${title.padEnd(width)}  ${text}`);
  }
  for (const each of shared) console.log(sharedLine(each));
  if (problems.length === 0) console.log('nothing was found that would spoil a training');
  else {
    console.log('\nwhat would spoil a training:');
    for (const problem of problems) console.log(`  ${problemLine(problem)}`);
  }
}

const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;

const kindOf = ({ format, encoding }: FileCheck): string =>
  format === 'parquet'
    ? 'Parquet'
    : `${format === 'conll' ? 'CoNLL' : format.toUpperCase()}, ${encoding}`;

function linesOf(check: FileCheck, task: string): [title: string, text: string][] {
  const { broken, unlabelled, labels, scores, empty, duplicates, conflicts, decomposed } = check;
  const lines: [string, string | false][] = [
    ['labels', labels !== undefined && labelLine(check)],
    ['scores', scores !== undefined && scoreLine(scores)],
    ['lengths', lengthLine(check)],
    ['cut', cutLine(check)],
    ['broken', broken.count > 0 && brokenLine(check)],
    ['columns', check.duplicateColumns.length > 0 && columnLine(check)],
    ['no label', unlabelled.count > 0 && foundLine(unlabelled, 'row')],
    ['empty', empty.count > 0 && foundLine(empty, 'text')],
    ['duplicates', duplicates.texts > 0 && duplicateLine(check)],
    ['two labels', conflicts.texts > 0 && conflictLine(check)],
    ['NFD', decomposed.count > 0 && `${foundLine(decomposed, 'text')} of decomposed Hangul`],
    ['unknown', unknownLine(check)],
  ];
  const shown = task === 'token-classification' ? lines.map(tagTitle) : lines;
  return shown.filter((line): line is [string, string] => line[1] !== false);
}

const tagTitle = ([title, text]: [string, string | false]): [string, string | false] => [
  title === 'labels' ? 'tags' : title,
  text,
];

/** Labels that are listed. */
const MAX_LABELS = 12;

function labelLine({ labels = [], imbalance = 1 }: FileCheck): string {
  const shown = labels.map((each) => `${each.label} ${each.count} (${percent(each.share)})`);
  const ratio = labels.length > 1 ? `; the most frequent is ${times(imbalance)} the rarest` : '';
  return formatNames(shown, MAX_LABELS) + ratio;
}

const times = (ratio: number): string => `${Number(ratio.toPrecision(3))} ×`;

const scoreLine = ({ min, mean, max }: NonNullable<FileCheck['scores']>): string =>
  `from ${min} to ${max}, mean ${Number(mean.toPrecision(4))}`;

const lengthLine = ({ lengths: { unit, min, median, p95, max } }: FileCheck): string =>
  `${min} to ${max} ${unit}; half have at most ${median}, 95 % at most ${p95}`;

function cutLine({ lengths: { texts, cut, maxLength } }: FileCheck): string | false {
  if (cut === undefined || texts === 0) return false;
  const share = cut === 0 ? '' : ` (${percent(cut / texts)})`;
  return `${count(cut, 'text')}${share} longer than ${maxLength} tokens (--max-length)`;
}

function brokenLine({ broken }: FileCheck): string {
  const first = broken.first.map(({ line, reason }) => `line ${line}: ${reason}`);
  return `${count(broken.count, 'row')}; ${first.slice(0, 3).join('; ')}`;
}

const columnLine = ({ duplicateColumns }: FileCheck): string =>
  `several are named ${formatNames(duplicateColumns)}: the first of them is read`;

const foundLine = ({ count: number, lines }: Found, noun: string): string =>
  `${count(number, noun)} (line ${lines.join(', ')}${number > lines.length ? ', …' : ''})`;

function duplicateLine({ duplicates: { texts, rows, first } }: FileCheck): string {
  const more = texts > first.length ? ', …' : '';
  return (
    `${count(texts, 'text')} again in ${count(rows, 'more row')} ` +
    `(line ${first.map(pairOf).join(', ')}${more})`
  );
}

function conflictLine({ conflicts: { texts, first } }: FileCheck): string {
  const shown = first.map((same) =>
    same.labels
      ? `${pairOf(same)}: ${same.labels.map((name) => formatValue(name, 30)).join(' and ')}`
      : pairOf(same),
  );
  return `${count(texts, 'text')} (line ${shown.join(', ')}${texts > first.length ? ', …' : ''})`;
}

const pairOf = ({ lines: [first, second] }: SameText): string => `${first} and ${second}`;

function unknownLine({ unknown }: FileCheck): string | false {
  if (!unknown || unknown.unknown === 0) return false;
  const { pieces, characters } = unknown;
  const shown = characters.map(({ character, count }) => `${visible(character)} ${count}`);
  const most = shown.length === 0 ? '' : `; unknown characters: ${shown.join(', ')}`;
  return `${percent(unknown.unknown / pieces)} of the pieces are [UNK]${most}`;
}

/** A character, or its code where it does not show. */
const visible = (character: string): string =>
  /[\p{L}\p{N}\p{P}\p{S}]/u.test(character)
    ? character
    : `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;

const sharedLine = ({ files, texts, first }: SharedTexts): string =>
  `${files.join(' and ')}: ${count(texts, 'text')} in both (line ` +
  `${first.map(pairOf).join(', ')}${texts > first.length ? ', …' : ''})`;

const kinds: Record<Exclude<DataProblem['kind'], 'noRows' | 'oneLabel' | 'otherLabels'>, string> = {
  broken: 'rows are broken',
  unlabelled: 'rows have no label',
  empty: 'texts are empty',
  conflicts: 'texts have two labels',
  decomposed: 'texts are in decomposed form (NFD); convert them to NFC',
  unknown: 'pieces are [UNK]: the vocabulary does not fit these texts',
  shared: 'texts are in both: what is measured on one was learned from the other',
};

function problemLine({ kind, files, count: number, of, labels = [] }: DataProblem): string {
  const where = files.join(' and ');
  if (kind === 'noRows') return `${where}: no row can be used`;
  if (kind === 'oneLabel') return `${where}: all rows have the same label`;
  if (kind === 'otherLabels')
    return `${files[1]}: labels that ${files[0]} lacks: ${formatNames(labels)}`;
  return `${where}: ${number} of ${of} ${kinds[kind]}`;
}
