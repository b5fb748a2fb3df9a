/** Data and base models that are given to the page. */
import { checkData, guessColumns } from 'wigbert/train';
import { isShard, modelFiles } from '../../../src/formats/modelFiles.ts';
import { findFile, writePrivate } from '../../../src/platform/browser/privateFiles.ts';
import { formatName } from '../../../src/platform/format.ts';
import type {
  BaseModel,
  CheckedSet,
  DataSet,
  GiveAnswer,
  GivenFile,
  GiveRefusal,
} from './protocol.ts';
import { fillFolder } from './storage.ts';

const SETS = 'opfs:/sets';
export const MODELS = 'opfs:/models';
const PREVIEW = 4;
const SHIPPED = 'bert-tiny-ko';
/** Files of the shipped model; its weights are written last. */
const shippedFiles = [
  ...[modelFiles.config, modelFiles.vocab, modelFiles.tokenizerConfig],
  ...[modelFiles.specialTokensMap, modelFiles.weights],
];

/** Of the script, which is in a folder of the site. */
const HERE = import.meta.url;

/** A file of the site. */
export async function fetchSite(path: string): Promise<Blob> {
  const response = await fetch(new URL(`../${path}`, HERE));
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return response.blob();
}

/** The shipped model, once it is copied into the private file system. */
export async function shippedModel(): Promise<BaseModel> {
  const path = `${MODELS}/${SHIPPED}`;
  if (!(await findFile(`${path}/${modelFiles.weights}`))) {
    const blobs = await Promise.all(
      shippedFiles.map((name) => fetchSite(`models/${SHIPPED}/${name}`)),
    );
    for (const [i, name] of shippedFiles.entries()) await writePrivate(`${path}/${name}`, blobs[i]);
  }
  return { name: SHIPPED, path };
}

/** The reviews that the site has. */
export async function sample(): Promise<CheckedSet> {
  const path = `${SETS}/sample/reviews-ko.tsv`;
  if (!(await findFile(path))) await writePrivate(path, await fetchSite('data/reviews-ko.tsv'));
  return describe(0, 'reviews-ko.tsv', path);
}

/** A set, with guessed columns. */
async function describe(id: number, name: string, path: string): Promise<CheckedSet> {
  const { columns, rows, ...chosen } = await guessColumns(path);
  const preview = rows
    .slice(0, PREVIEW)
    .map((row) => Object.fromEntries(columns.map((column) => [column, textOf(row[column])])));
  const set: DataSet = { id, name, path, columns: [...columns], chosen, preview };
  return check(set);
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);

/** Looks through a set with the columns that are chosen. */
export async function check(set: DataSet): Promise<CheckedSet> {
  try {
    return { set, check: await checkData({ files: [set.path], ...set.chosen }) };
  } catch (error) {
    return { set, error: (error as Error).message };
  }
}

const modelNames: readonly string[] = Object.values(modelFiles);
const isModelFile = (name: string): boolean => modelNames.includes(name) || isShard(name);
const nameOf = (path: string): string => path.split('/').at(-1)!;
const isTable = (path: string): boolean =>
  /\.(tsv|tab|csv|jsonl|ndjson|json|parquet)(\.gz)?$/i.test(path);

/** Weights of kinds that are not read. */
const isOtherWeights = (path: string): boolean => /\.(bin|pt|pth|h5|msgpack|ckpt)$/i.test(path);

/** Takes files: a base model's folder, a table, or a folder of texts for each class. */
export async function give(files: GivenFile[]): Promise<GiveAnswer> {
  if (files.some(({ path }) => path.endsWith('.safetensors')))
    return { model: await giveModel(files) };
  const isModel = files.some(({ path }) => nameOf(path) === modelFiles.config);
  const others = files.filter(({ path }) => isOtherWeights(path));
  if (isModel && others.length > 0) return refused('noWeights', others);
  // Those of a model are no data, though JSON and texts.
  const given = isModel ? files.filter(({ path }) => !isModelFile(nameOf(path))) : files;
  const tables = given.filter(({ path }) => isTable(path));
  const texts = given.filter(({ path }) => /\.txt$/i.test(path));
  const inFolders = texts.filter(({ path }) => path.split('/').length > 1);
  if (tables.length === 0 && new Set(inFolders.map(({ path }) => classOf(path))).size > 1)
    return { data: await giveFolders(inFolders) };
  const [table, ...rest] = tables.length > 0 ? tables : texts;
  if (!table) return refused('unknown', files);
  if (rest.length > 0) return refused('several', [table, ...rest]);
  return { data: await giveTable(table) };
}

/** Files that are named where none is taken. */
const NAMED = 3;

function refused(kind: GiveRefusal, files: readonly GivenFile[]): GiveAnswer {
  const names = files.slice(0, NAMED).map(({ path }) => formatName(path));
  if (files.length > NAMED) names.push('…');
  return { refusal: { kind, names: names.join(', ') } };
}

/** Of a folder with checkpoints of its own, the model is the one on top. */
async function giveModel(files: GivenFile[]): Promise<BaseModel> {
  const [top] = files
    .filter(({ path }) => path.endsWith('.safetensors'))
    .map(({ path }) => path.slice(0, path.lastIndexOf('/') + 1))
    .sort((a, b) => a.length - b.length);
  return fillFolder(MODELS, async (id) => {
    const path = `${MODELS}/${id}`;
    for (const { path: from, file } of files)
      if (from === top + nameOf(from) && isModelFile(nameOf(from)))
        await writePrivate(`${path}/${nameOf(from)}`, file);
    return { name: top.split('/').at(-2) ?? 'model', path };
  });
}

const newSet = (name: string, content: Blob): Promise<CheckedSet> =>
  fillFolder(SETS, async (id) => {
    const path = `${SETS}/${id}/${name}`;
    await writePrivate(path, content);
    return describe(id, name, path);
  });

const giveTable = ({ path, file }: GivenFile): Promise<CheckedSet> => newSet(nameOf(path), file);

/** The folder that a text lies in. */
const classOf = (path: string): string => path.split('/').at(-2)!;

/** A text for each file; its folder is its class. */
async function giveFolders(files: GivenFile[]): Promise<CheckedSet> {
  const rows: string[] = [];
  for (const { path, file } of files)
    rows.push(`${JSON.stringify({ text: (await file.text()).trim(), label: classOf(path) })}\n`);
  return newSet(`${files[0].path.split('/')[0]}.jsonl`, new Blob(rows));
}
