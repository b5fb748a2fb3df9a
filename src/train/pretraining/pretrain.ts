import type { AdamOptions, OptimizerState } from '../../nn/index.ts';
import { AdamW, getLinearScheduleWithWarmup } from '../../nn/index.ts';
import { UsageError } from '../../platform/errors.ts';
import {
  type CapturedStep,
  capture,
  cat,
  manualSeed,
  noGrad,
  type Tensor,
} from '../../tensor/index.ts';
import { checkFiniteWeights } from '../trainer/checks.ts';
import { backwardAndStep, checkHyperparameters, weightDecayGroups } from '../trainer/fit.ts';
import { StepReader, type Throughput } from '../trainer/stepReader.ts';
import { type CorpusPosition, type PositionedBatch, START, trainingBatches } from './batches.ts';
import type { Document } from './corpus.ts';
import { evaluatePretraining } from './evaluate.ts';
import type { PretrainEvaluation, PretrainHistory, PretrainStep } from './history.ts';
import {
  type ExampleBuilder,
  type ExampleBuilderOptions,
  objectiveOf,
  type PretrainBatch,
  type PretrainModel,
} from './objective.ts';
import { stepSeed } from './stream.ts';

export interface PretrainOptions extends ExampleBuilderOptions {
  totalSteps: number;
  learningRate: number;
  /** Share of the steps in which the learning rate rises to its full value; then it falls to 0. */
  warmupRatio: number;
  /** Decoupled; on neither biases nor LayerNorm. */
  weightDecay: number;
  /** All gradients together are clipped to this norm. */
  maxGradNorm: number;
  seed: number;
  /** Steps from one evaluation to the next. */
  evalEvery: number;
  /** Steps from one checkpoint to the next. */
  saveEvery: number;
}

/** Devlin et al. 2019, appendix A.2, but for steps, batch and the places of evaluations and checkpoints. */
export const pretrainDefaults = {
  objective: 'mlm',
  maxLength: 128,
  batchSize: 32,
  mlmProbability: 0.15,
  wholeWordMask: false,
  learningRate: 1e-4,
  warmupRatio: 0.01,
  weightDecay: 0.01,
  maxGradNorm: 1,
  seed: 42,
  evalEvery: 500,
  saveEvery: 500,
} as const satisfies Omit<PretrainOptions, 'totalSteps'>;

/** Where a run stands. With the model, the corpus and the options, all that is needed to go on with the same bits. */
export interface PretrainState<T> {
  step: number;
  position: CorpusPosition;
  history: PretrainHistory;
  optimizer: OptimizerState<AdamOptions, T>;
}

export interface PretrainData {
  /** Reads the corpus from its start. */
  documents: () => AsyncIterable<Document>;
  exampleBuilder: ExampleBuilder;
  /** Held-out batches; may be none. */
  valid: readonly PretrainBatch[];
}

export interface PretrainCallbacks {
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Multiply-add peak of the device, in operations a second (`measurePeaks`): with it, steps tell their `utilisation`. */
  peakFlops?: number;
  /** After each step, as its results come in. */
  onStep?: (record: PretrainStep, pace: Throughput) => void;
  onEvaluation?: (record: PretrainEvaluation) => void;
  /** At the start, every `saveEvery` steps and at the end, however it comes: save model and state here. */
  onCheckpoint?: (state: PretrainState<Tensor>) => Promise<void>;
}

/**
 * Pre-trains a model, for what its class tells, with AdamW (ε 1e-6) and a linear schedule.
 * @param state where to go on; the model must be as it was there
 * @returns what happened; when `signal` stopped it, up to there.
 * @throws UsageError when there is nothing to train on; ArgumentError as `checkHyperparameters`; Error when the loss or the weights
 * are no longer finite.
 */
export async function pretrain(
  model: PretrainModel,
  { documents, exampleBuilder, valid }: PretrainData,
  options: PretrainOptions,
  { signal, peakFlops, onStep, onEvaluation, onCheckpoint }: PretrainCallbacks = {},
  state?: PretrainState<{ data: Float32Array }>,
): Promise<PretrainHistory> {
  const { totalSteps, evalEvery, saveEvery, seed } = options;
  if (!Number.isInteger(totalSteps) || totalSteps < 1)
    throw new UsageError(
      `the number of steps must be a whole number of at least 1, not ${totalSteps}`,
    );
  checkHyperparameters(options);
  const optimizer = new AdamW(weightDecayGroups(model, options.weightDecay), {
    lr: options.learningRate,
    eps: 1e-6,
  });
  const schedule = getLinearScheduleWithWarmup(
    optimizer,
    Math.round(totalSteps * options.warmupRatio),
    totalSteps,
  );
  const history: PretrainHistory = state?.history ?? {
    objective: objectiveOf(model),
    steps: [],
    evaluations: [],
  };
  let count = state?.step ?? 0;
  let position = state?.position ?? START;
  if (state) {
    optimizer.loadStateDict(state.optimizer);
    schedule.loadStateDict({ ...schedule.stateDict(), lastEpoch: count });
  }
  const step = pretrainStep(model, optimizer, options.maxGradNorm);
  const reader = new StepReader<Pick<PretrainStep, 'step' | 'epoch' | 'learningRate'>>(
    (about, [loss, gradNorm], pace) => {
      const record: PretrainStep = { ...about, loss, gradNorm };
      history.steps.push(record);
      onStep?.(record, pace);
    },
    peakFlops,
  );
  const batches = trainingBatches(documents, exampleBuilder, options, position);
  let saved = state?.step;
  try {
    model.train();
    reader.resume();
    for (;;) {
      const isEvaluationDue = count > 0 && (count % evalEvery === 0 || count === totalSteps);
      if (isEvaluationDue && valid.length > 0 && history.evaluations.at(-1)?.step !== count) {
        await reader.drain();
        await addEvaluation(model, valid, history, signal, onEvaluation);
        reader.resume();
      }
      // Looked at after the evaluation: one that was interrupted is made before the next step, when the run goes on.
      const isLast = count === totalSteps || signal?.aborted === true;
      if ((isLast || count % saveEvery === 0) && saved !== count) {
        await reader.drain();
        await checkFiniteWeights(model, count);
        await onCheckpoint?.({ step: count, position, history, optimizer: optimizer.stateDict() });
        saved = count;
        reader.resume();
      }
      if (isLast) break;
      const batch: PositionedBatch = (await batches.next()).value;
      const [learningRate] = schedule.getLastLr();
      // So that dropout has no state to be kept.
      manualSeed(stepSeed(seed, count));
      const results = step.run(batch.inputs);
      schedule.step();
      position = batch.next;
      await reader.push(
        { step: ++count, epoch: batch.epoch, learningRate },
        { examples: batch.examples, tokens: batch.tokens, flops: step.plan?.flops },
        results,
      );
    }
  } finally {
    await reader.drain().catch(() => {});
    step.dispose();
    optimizer.dispose();
  }
  return history;
}

/** One step: forward, backward, clipping, AdamW. Results: loss and norm of the gradients. */
export function pretrainStep(
  model: PretrainModel,
  optimizer: AdamW,
  maxGradNorm: number,
): CapturedStep<Record<string, Tensor>> {
  return capture(model.parameters()[0].device, (batch) => {
    const loss = model.forward(batch as never).loss!;
    const norm = backwardAndStep(model, loss, optimizer, maxGradNorm);
    return noGrad(() => cat([loss.reshape([1]), norm.reshape([1])]));
  });
}

/** Evaluates; adds nothing when it was interrupted. */
async function addEvaluation(
  model: PretrainModel,
  valid: readonly PretrainBatch[],
  history: PretrainHistory,
  signal: AbortSignal | undefined,
  onEvaluation: PretrainCallbacks['onEvaluation'],
): Promise<void> {
  try {
    const { loss, perplexity, accuracy } = await evaluatePretraining(model, valid, signal);
    const since = history.evaluations.at(-1)?.step ?? 0;
    const steps = history.steps.filter(({ step }) => step > since);
    const { step, epoch } = steps.at(-1)!;
    const record: PretrainEvaluation = {
      step,
      epoch,
      trainLoss: steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length,
      validLoss: loss,
      ...(perplexity !== undefined && { validPerplexity: perplexity }),
      ...(accuracy !== undefined && { validAccuracy: accuracy }),
    };
    history.evaluations.push(record);
    onEvaluation?.(record);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
