import type { BertConfig } from '../../../bert/config.ts';
import { UsageError } from '../../../platform/errors.ts';
import { formatNames } from '../../../platform/format.ts';
import { BertTokenizer } from '../../../text/tokenizer/index.ts';
import type { TrainingCallbacks } from '../events.ts';
import { type DeviceSettings, fetchModel, freshConfig, type StartOptions } from '../start.ts';
import {
  compareFields,
  type Difference,
  findCheckpoints,
  findDeviceDifferences,
  findDifferences,
} from './differences.ts';
import { type Receipt, readReceipt, vocabularyHash } from './receipt.ts';
import { fineTuning, preTraining } from './replay.ts';

/** Options of `verifyRun`. */
export interface VerifyOptions {
  /** Folder of a run of `fineTune` or `pretrain` that has ended or was stopped. */
  run: string;
  /** Where the stretch begins: a step with a hash or a checkpoint. Default: 0, the start. */
  from?: number;
  /** The step, with a hash, that it ends after. Default: the last one. */
  to?: number;
}

/** The weights after a step, then and now. */
export interface VerifiedHash {
  step: number;
  expected: string;
  /** Absent if the step was not reached. */
  got?: string;
  same: boolean;
}

/** What `verifyRun` reports. */
export type VerifyEvent =
  | ({ event: 'difference' } & Difference)
  /** `firstStep` is that of the checkpoint which the stretch is replayed from, or 0. */
  | { event: 'start'; from: number; to: number; firstStep: number }
  | { event: 'step'; step: number; loss: number }
  | ({ event: 'hash' } & VerifiedHash);

/** What `verifyRun` resolves with. */
export interface VerifyResult {
  run: string;
  from: number;
  to: number;
  /** Whether nothing differs, and the weights have the same bits. */
  same: boolean;
  differences: Difference[];
  /** Of the steps of the stretch that have a hash; empty if it was not replayed. */
  hashes: VerifiedHash[];
  /** The adapter or processor of the run: another one may round differently. */
  adapter: string;
  /** True if `signal` stopped it. */
  interrupted: boolean;
}

/** Differences with which a replay still tells something. */
const REPLAYABLE: readonly Difference['what'][] = ['receipt', 'engine', 'checkpoint', 'model'];

/**
 * Checks a run by its `receipt.json`: whether data, vocabulary, options, engine and model are those
 * it was made of, and whether its steps, computed again, give weights of the same bits. A stretch
 * is replayed from the latest checkpoint before it, or from the start. The run's folder stays as it
 * is.
 * @throws UsageError if the folder has no receipt, or `from` and `to` are no stretch of the run.
 * @example
 * const { same, differences } = await verifyRun({ run: 'out/model', from: 100, to: 200 });
 * console.log(same, differences.map(({ what, name }) => `${what} ${name}`));
 */
export async function verifyRun(
  { run, ...asked }: VerifyOptions,
  { signal, onEvent: report = () => {}, openDevice }: VerifyCallbacks = {},
): Promise<VerifyResult> {
  const read = await readReceipt(run);
  const { receipt } = read;
  const kind = receipt.kind === 'fine-tuning' ? fineTuning : preTraining;
  const checkpoints = await findCheckpoints(run);
  const whole = checkpoints.filter(({ damage }) => damage === undefined);
  const steps = whole.map(({ step }) => step);
  const { from, to } = stretchOf(receipt, steps, asked);
  const differences: Difference[] = [];
  const add = (found: readonly Difference[]): boolean => {
    differences.push(...found);
    for (const difference of found) report({ event: 'difference', ...difference });
    return differences.every(({ what }) => REPLAYABLE.includes(what));
  };
  const hashes: VerifiedHash[] = [];
  let canReplay = add(await findDifferences(run, read, checkpoints, kind.readSettings));
  canReplay = add(await findVocabularyDifference(receipt)) && canReplay;
  if (canReplay) {
    await openDevice?.(receipt.engine);
    add(findDeviceDifferences(receipt));
    const start = whole.find(({ step }) => step > 0 && step <= from);
    report({ event: 'start', from, to, firstStep: start?.step ?? 0 });
    const expected = receipt.weights.filter((each) => each.step >= from && each.step <= to);
    const compare = (step: number, got?: string) => {
      const hash = expected.find((each) => each.step === step);
      if (!hash) return;
      const compared = { step, expected: hash.sha256, got, same: got === hash.sha256 };
      hashes.push(compared);
      report({ event: 'hash', ...compared });
    };
    await kind.replay(
      { options: receipt.options, checkpoint: start?.folder, to },
      {
        signal,
        onModel: (config) => add(compareConfig(receipt, config)),
        onStep: ({ step, loss }) => report({ event: 'step', step, loss }),
        onHash: ({ step, sha256 }) => compare(step, sha256),
      },
    );
    if (!signal?.aborted) for (const { step } of expected.slice(hashes.length)) compare(step);
  }
  const interrupted = signal?.aborted === true;
  const isSame = hashes.length > 0 && hashes.every(({ same }) => same);
  return {
    ...{ run, from, to, same: isSame && differences.length === 0 && !interrupted },
    ...{ differences, hashes, adapter: receipt.engine.adapter, interrupted },
  };
}

/** What `verifyRun` takes besides its options. */
export type VerifyCallbacks = Pick<
  TrainingCallbacks<VerifyEvent, DeviceSettings>,
  'signal' | 'onEvent' | 'openDevice'
>;

/** @throws UsageError if the steps are none that the run has hashes of. */
function stretchOf(
  { weights }: Receipt,
  checkpoints: readonly number[],
  { from = 0, to = weights.at(-1)?.step ?? 0 }: Pick<VerifyOptions, 'from' | 'to'>,
): { from: number; to: number } {
  const hashed = weights.map(({ step }) => step);
  const check = (name: string, step: number, known: readonly number[], what: string) => {
    if (known.includes(step)) return;
    const list = formatNames(known.map(String), 20);
    throw new UsageError(`\`${name}\`: expected a step with ${what} (${list}), got ${step}`);
  };
  const beginnings = [...new Set([...hashed, ...checkpoints])].sort((a, b) => a - b);
  check('from', from, beginnings, 'a hash or a checkpoint');
  check('to', to, hashed, 'a hash');
  if (from > to) throw new UsageError(`\`to\`: expected a step from ${from} on, got ${to}`);
  return { from, to };
}

/** The vocabulary that the run started from, now. */
async function findVocabularyDifference(receipt: Receipt): Promise<Difference[]> {
  const start: StartOptions = receipt.options;
  const { model, vocab = '' } = start;
  let got: string;
  try {
    const tokenizer =
      model === undefined
        ? (await freshConfig({ ...start, vocab })).tokenizer
        : await BertTokenizer.fromPretrained(await fetchModel(model, () => {}));
    got = await vocabularyHash(tokenizer, receipt.config as unknown as BertConfig);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    got = error.message;
  }
  const expected = receipt.vocabulary;
  return expected === got ? [] : [{ what: 'vocabulary', name: model ?? vocab, expected, got }];
}

const compareConfig = (receipt: Receipt, config: BertConfig): Difference[] =>
  compareFields('configuration', receipt.config, JSON.parse(JSON.stringify(config)));
