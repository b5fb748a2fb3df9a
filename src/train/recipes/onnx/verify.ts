import type { BertPreTrainedModel } from '../../../bert/pretrainedModel.ts';
import { findArchitecture } from '../../../bert/registry.ts';
import { importOptional } from '../../../platform/packages.ts';
import { noGrad, scope, type Tensor, tensor } from '../../../tensor/index.ts';
import type { BertTokenizer } from '../../../text/tokenizer/index.ts';
import { argmax } from '../../tasks/task.ts';

/** How the outputs of an ONNX file compare with those of the model that it was made of. */
export interface OnnxVerification {
  /** What ran the file: the package and its version. */
  runtime: string;
  /** Number of texts: single ones and pairs, in padded batches, and one as long as possible. */
  texts: number;
  outputs: Record<string, OutputComparison>;
}

/** An output of an ONNX file and the model's. */
export interface OutputComparison {
  maxDifference: number;
  /** Largest magnitude of the model's numbers. */
  maxMagnitude: number;
  /** Share of the rows of the last dimension whose largest number is at the same place. */
  sameArgmax: number;
}

/** What is used of onnxruntime's packages, which have one interface. */
interface OnnxRuntime {
  InferenceSession: { create(file: Uint8Array): Promise<Session> };
  Tensor: new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => unknown;
  env: { versions: { common: string } };
}
interface Session {
  readonly outputNames: readonly string[];
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
  /** Frees the weights. */
  release(): Promise<void>;
}

/** Packages that run ONNX files, the preferred one first. */
const runtimes = ['onnxruntime-node', 'onnxruntime-web'];

/** Texts of each batch; the last one's is as long as the model takes. */
const batchSizes = [...Array<number>(9).fill(11), 1];
const CHOICES = 3;
const MOST_WORDS = 24;

/**
 * Runs an ONNX file in onnxruntime and compares its outputs with the model's.
 * @returns undefined if no package that runs such files is installed.
 */
export async function verifyOnnx(
  file: Uint8Array,
  model: BertPreTrainedModel,
  tokenizer: BertTokenizer,
): Promise<OnnxVerification | undefined> {
  const found = await findRuntime();
  if (!found) return undefined;
  const { runtime, name } = found;
  const session = await runtime.InferenceSession.create(file);
  try {
    const outputs = await compareOutputs(runtime, session, model, tokenizer);
    const texts = batchSizes.reduce((a, b) => a + b);
    return { runtime: name, texts, outputs };
  } finally {
    await session.release();
  }
}

async function compareOutputs(
  runtime: OnnxRuntime,
  session: Session,
  model: BertPreTrainedModel,
  tokenizer: BertTokenizer,
): Promise<OnnxVerification['outputs']> {
  const comparisons = new Map<string, Comparison[]>(
    session.outputNames.map((output) => [output, []]),
  );
  for (const [index, size] of batchSizes.entries()) {
    const batch = batchOf(index, size, model, tokenizer);
    const feed = (values: readonly number[]) =>
      new runtime.Tensor('int64', BigInt64Array.from(values, BigInt), batch.dims);
    const theirs = await session.run({
      input_ids: feed(batch.inputIds),
      attention_mask: feed(batch.attentionMask),
      token_type_ids: feed(batch.tokenTypeIds),
    });
    for (const [output, ours] of await outputsOf(model, batch, session.outputNames))
      comparisons.get(output)!.push(compare(ours, theirs[output].data));
  }
  const outputs = Array.from(comparisons, ([output, all]) => [output, summary(all)] as const);
  return Object.fromEntries(outputs);
}

async function findRuntime(): Promise<{ runtime: OnnxRuntime; name: string } | undefined> {
  for (const name of runtimes) {
    const module = await importOptional<OnnxRuntime & { default?: OnnxRuntime }>(name).catch(
      () => undefined,
    );
    const runtime = module?.InferenceSession ? module : module?.default;
    if (runtime) return { runtime, name: `${name} ${runtime.env.versions.common}` };
  }
  return undefined;
}

/** Inputs row by row, of the dimensions `dims`. */
interface Batch {
  inputIds: number[];
  attentionMask: number[];
  tokenTypeIds: number[];
  dims: number[];
}

/** Texts of tokens from all over the vocabulary, every third one a pair. */
function batchOf(
  index: number,
  size: number,
  { architecture, config }: BertPreTrainedModel,
  tokenizer: BertTokenizer,
): Batch {
  const hasChoices = findArchitecture(architecture)?.head === 'multiple-choice';
  const maxLength = Math.min(config.maxPositionEmbeddings, tokenizer.modelMaxLength);
  // A special token that the vocabulary lacks has an id and no embedding.
  const known = Math.min(tokenizer.length, config.vocabSize);
  const words = (seed: number, count: number) => {
    const ids = Array.from({ length: count }, (_, i) => ((seed + 1) * 7919 + i * 104729) % known);
    return tokenizer.convertIdsToTokens(ids).join(' ');
  };
  const textOf = (row: number): string | [string, string] => {
    const seed = index * 100 + row;
    const count = size === 1 ? maxLength : 1 + ((seed * 7) % MOST_WORDS);
    return seed % 3 === 0 ? [words(seed, count), words(seed + 1, count)] : words(seed, count);
  };
  const rows = size * (hasChoices ? CHOICES : 1);
  const texts = Array.from({ length: rows }, (_, row) => textOf(row));
  const encoded = tokenizer.encodeBatch(texts, { padding: true, truncation: true, maxLength });
  const length = encoded.inputIds[0].length;
  return {
    inputIds: encoded.inputIds.flat(),
    attentionMask: encoded.attentionMask!.flat(),
    tokenTypeIds: encoded.tokenTypeIds!.flat().map((type) => type % config.typeVocabSize),
    dims: hasChoices ? [size, CHOICES, length] : [size, length],
  };
}

/** The model's outputs by name; `start_logits` is the field `startLogits`. */
async function outputsOf(
  model: BertPreTrainedModel,
  { dims, ...batch }: Batch,
  names: readonly string[],
): Promise<[string, Output][]> {
  const { device } = model.parameters()[0];
  const runnable = model as unknown as { forward(inputs: object): Record<string, Tensor> };
  const fieldOf = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  const outputs = noGrad(() =>
    scope(() => {
      const inputs = Object.entries(batch).map(([field, values]) => {
        return [field, tensor(values, { shape: dims, dtype: 'int32', device })];
      });
      const all = runnable.forward(Object.fromEntries(inputs));
      return names.map((name) => all[fieldOf(name)]);
    }),
  );
  return Promise.all(
    outputs.map(async (output, i): Promise<[string, Output]> => {
      const data = (await output.data()) as Float32Array;
      const rowSize = output.shape.at(-1)!;
      output.dispose();
      return [names[i], { data, rowSize }];
    }),
  );
}

interface Output {
  data: Float32Array;
  /** Size of the last dimension. */
  rowSize: number;
}

function compare({ data, rowSize }: Output, theirs: Float32Array): Comparison {
  let [maxDifference, maxMagnitude, sameRows] = [0, 0, 0];
  for (const [i, value] of data.entries()) {
    // NaN stays NaN.
    maxDifference = Math.max(maxDifference, Math.abs(value - theirs[i]));
    maxMagnitude = Math.max(maxMagnitude, Math.abs(value));
  }
  for (let row = 0; row < data.length; row += rowSize) {
    const place = (all: Float32Array) => argmax(all.subarray(row, row + rowSize));
    if (place(data) === place(theirs)) sameRows++;
  }
  return { maxDifference, maxMagnitude, sameRows, rows: data.length / rowSize };
}

interface Comparison {
  maxDifference: number;
  maxMagnitude: number;
  sameRows: number;
  rows: number;
}

function summary(all: readonly Comparison[]): OutputComparison {
  const most = (values: number[]) => Math.max(...values);
  const sum = (values: number[]) => values.reduce((a, b) => a + b);
  return {
    maxDifference: most(all.map(({ maxDifference }) => maxDifference)),
    maxMagnitude: most(all.map(({ maxMagnitude }) => maxMagnitude)),
    sameArgmax: sum(all.map(({ sameRows }) => sameRows)) / sum(all.map(({ rows }) => rows)),
  };
}
