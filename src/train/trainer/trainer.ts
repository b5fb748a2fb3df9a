/**
 * The one training loop. Fine-tuning, pre-training, the study and the benchmark describe what they
 * train as a `TrainingTask`; the Trainer owns the optimizer, the schedule, the captured step, and
 * decides when to evaluate, to save and to stop. Everything counts in steps: recipes turn epochs
 * into steps.
 *
 * A run can be cut off after any step. Its state (`TrainerState`) together with the model's weights
 * and the same options continues with the same bits.
 */
import { NotFiniteError } from '../../platform/errors.ts';
import { getRngState, type HostTensor, type Tensor } from '../../tensor/index.ts';
import { compareWeights } from '../distributed/compareWeights.ts';
import { getWorldSize, processGroup } from '../distributed/processGroup.ts';
import { agreedSignal, agreeOnStopping } from '../distributed/stopping.ts';
import { checkFiniteWeights } from './checks.ts';
import { checkCount } from './hyperparameters.ts';
import type { HalvedInTraining } from './inMemory.ts';
import { StepReader, type Throughput } from './stepReader.ts';
import {
  isFiniteStep,
  type SavedState,
  type TrainerOptions,
  type TrainerState,
} from './trainerState.ts';
import { type StepContext, TrainingStep } from './trainingStep.ts';
import type { StepInfo, TrainBatch, TrainingLog, TrainingTask } from './trainingTask.ts';
import { type StepHash, weightsHash } from './weightsHash.ts';

export type { SavedState, TrainerOptions, TrainerState };

/** Steps in a row that may be left out. */
const MAX_SKIPPED_STEPS = 10;

/** Steps after which processes that train together compare their weights. */
const COMPARE_EVERY = 100;

/** What a `Trainer` reports, and how it is stopped. */
export interface TrainerCallbacks<P, S, E> {
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Stops after this step, as `signal` does. */
  stopAfter?: number;
  /** Multiply-add peak of the device in operations per second: steps then report `utilisation`. */
  peakFlops?: number;
  /** After each step, when its results arrive. */
  onStep?: (record: S, pace: Throughput) => void;
  /** When the device has too little memory for as many examples at once. */
  onOutOfMemory?: (halved: HalvedInTraining) => void;
  /** When a step is left out, since its loss or gradients are not finite. */
  onSkip?: (record: S) => void;
  /** `seconds` since the last evaluation. */
  onEvaluation?: (record: E, seconds: number) => void | Promise<void>;
  /** Every `hashEvery` steps, and at the end unless `signal` brings it. */
  onHash?: (hash: StepHash) => void;
  /** At the start, every `saveEvery` steps and at the end, however it comes. */
  onCheckpoint?: (state: TrainerState<P, S, E, Tensor>) => Promise<void>;
}

/**
 * Trains with AdamW and a schedule with warm-up.
 *
 * @example
 * const trainer = new Trainer(task, options, { signal, onStep: ({ loss }) => console.log(loss) });
 * const { steps } = await trainer.train();
 */
export class Trainer<P, S extends StepInfo, E extends { step: number }> {
  readonly #task: TrainingTask<P, S, E>;
  readonly #options: TrainerOptions;
  readonly #callbacks: TrainerCallbacks<P, S, E>;
  /** The caller's, or what all processes made of theirs. */
  readonly #signal: AbortSignal | undefined;
  readonly #step: TrainingStep<P, S, E>;
  readonly #reader: StepReader<Omit<StepInfo, 'loss' | 'gradNorm'> & { context: StepContext }>;
  readonly #log: TrainingLog<S, E>;
  #count: number;
  #position: P;
  #savedAt: number | undefined;
  /** The latest step whose weights were checked, and compared with those of other processes. */
  #checkedAt: number | undefined;
  #comparedAt: number | undefined;
  readonly #hashes: StepHash[];
  /** The smallest number of examples that an evaluation had to go down to. */
  #evaluationSize = Number.POSITIVE_INFINITY;
  #evaluatedAt = performance.now();

  /**
   * @param state where to continue; the model must have the weights it had there
   * @throws UsageError if an option is out of range.
   */
  constructor(
    task: TrainingTask<P, S, E>,
    options: TrainerOptions,
    callbacks: TrainerCallbacks<P, S, E> = {},
    state?: SavedState<P, S, E>,
  ) {
    checkCount('totalSteps', options.totalSteps);
    checkCount('evalEvery', options.evalEvery);
    checkCount('saveEvery', options.saveEvery);
    if (options.hashEvery !== undefined) checkCount('hashEvery', options.hashEvery);
    this.#task = task;
    this.#options = options;
    this.#callbacks = callbacks;
    this.#signal = agreedSignal(callbacks.signal);
    this.#step = new TrainingStep(task, options, state);
    this.#log = state?.log ?? { steps: [], evaluations: [] };
    this.#count = state?.step ?? 0;
    this.#position = state?.position ?? task.start;
    this.#savedAt = state?.step;
    this.#hashes = [...(state?.hashes ?? [])];
    this.#reader = new StepReader(async ({ context, ...info }, [loss, gradNorm, ...more], pace) => {
      const record = task.stepRecord({ ...info, loss, gradNorm }, Float32Array.from(more));
      this.#log.steps.push(record);
      if (!isFiniteStep(record)) await this.#skip(record, context);
      callbacks.onStep?.(record, pace);
    }, callbacks.peakFlops);
  }

  get #device() {
    return this.#task.model.parameters()[0].device;
  }

  /**
   * Trains to the end, or until `signal` is aborted.
   * @throws NotFiniteError if the loss, the gradients or the weights are no longer finite;
   * UsageError if there is no data. What was saved before stays.
   */
  async train(): Promise<TrainingLog<S, E>> {
    const batches = this.#task.batches(this.#position);
    try {
      // Memory for the optimizer that is not there is not to be mistaken for a step's.
      await this.#device.synchronize();
      this.#task.model.train();
      this.#reader.resume();
      for (;;) {
        agreeOnStopping(this.#signal);
        await this.#evaluateIfDue();
        await this.#hashIfDue();
        const isLast = this.#isDone || this.#isStopped || this.#signal?.aborted === true;
        await this.#saveIfDue(isLast);
        if (isLast) return this.#log;
        const batch: TrainBatch<P> = (await batches.next()).value;
        await this.#trainOn(batch);
      }
    } finally {
      await this.#reader.drain().catch(() => {});
      this.dispose();
    }
  }

  /**
   * Queues one optimizer step; resolves with loss, norm of the gradients and the task's scalars.
   */
  step(inputs: Record<string, HostTensor>): Promise<Float32Array> {
    return this.#step.run(inputs);
  }

  /** Launches and floating-point operations of the latest step, if the device captures steps. */
  get plan(): TrainingStep<P, S, E>['plan'] {
    return this.#step.plan;
  }

  /** Frees the captured step and the optimizer. `train` does it by itself. */
  dispose(): void {
    this.#step.dispose();
  }

  get #isDone(): boolean {
    return (
      this.#count >= this.#options.totalSteps ||
      this.#task.isFinished?.(this.#log.evaluations) === true
    );
  }

  get #isStopped(): boolean {
    return this.#count === this.#callbacks.stopAfter;
  }

  async #trainOn(batch: TrainBatch<P>): Promise<void> {
    const { epoch, examples, tokens, next } = batch;
    const [learningRate] = this.#step.schedule.getLastLr();
    const step = this.#count + 1;
    const { results, ...context } = await this.#step.runInMemory(batch, this.#count, (halved) =>
      this.#callbacks.onOutOfMemory?.({ step, during: 'training', ...halved }),
    );
    this.#count = step;
    this.#position = next;
    const work = { examples, tokens, flops: this.plan?.flops };
    await this.#reader.push({ step, epoch, learningRate, context }, work, results);
    if (step % COMPARE_EVERY === 0) await this.#compare();
  }

  /**
   * A step that is not finite: its update was left out.
   * @throws NotFiniteError unless such steps are to be skipped, or after too many in a row.
   */
  async #skip(record: S, context: StepContext): Promise<void> {
    const { onNan = 'stop' } = this.#options;
    const inRow = this.#log.steps.length - 1 - this.#log.steps.findLastIndex(isFiniteStep);
    if (onNan === 'skip' && inRow < MAX_SKIPPED_STEPS) {
      this.#callbacks.onSkip?.(record);
      return;
    }
    const what = await this.#step.explain(record, context);
    throw new NotFiniteError(
      `${what}: ` +
        (onNan === 'skip'
          ? `${inRow} steps in a row were left out; lower the learning rate, or look for ` +
            'the cause'
          : "lower the learning rate, or leave such steps out (`onNan: 'skip'`)") +
        ' (`detectAnomaly` names the operation); what was saved before is kept',
    );
  }

  /** An evaluation that was interrupted is made up for when the run is resumed. */
  async #evaluateIfDue(): Promise<void> {
    const { totalSteps, evalEvery } = this.#options;
    const { onEvaluation, onOutOfMemory } = this.#callbacks;
    const signal = this.#signal;
    const count = this.#count;
    const last = this.#log.evaluations.at(-1)?.step ?? 0;
    const isDue = count > last && (count % evalEvery === 0 || count === totalSteps);
    if (!isDue || signal?.aborted) return;
    await this.#settle();
    try {
      const since = this.#log.steps.filter(({ step }) => step > last);
      const record = await this.#task.evaluate(this.#log, since, signal, (halved) => {
        const { microBatchSize } = halved;
        // Each evaluation finds it out again, but it is news only once.
        if (microBatchSize < this.#evaluationSize)
          onOutOfMemory?.({ step: count, during: 'evaluation', ...halved });
        this.#evaluationSize = Math.min(microBatchSize, this.#evaluationSize);
      });
      if (record) {
        this.#log.evaluations.push(record);
        // A resumed run stands where it was saved, but the checkpoint lacks this evaluation.
        this.#savedAt = undefined;
        await onEvaluation?.(record, (performance.now() - this.#evaluatedAt) / 1000);
        processGroup().barrier();
      }
    } catch (error) {
      // An evaluation that is stopped rejects with the reason; a disk may be full at the same time.
      if (!signal?.aborted || error !== signal.reason) throw error;
    }
    this.#reader.resume();
    this.#evaluatedAt = performance.now();
  }

  async #hashIfDue(): Promise<void> {
    const { hashEvery } = this.#options;
    const step = this.#count;
    if (hashEvery === undefined || this.#hashes.at(-1)?.step === step) return;
    if (step % hashEvery !== 0 && !this.#isDone && !this.#isStopped) return;
    await this.#settle();
    this.#hashes.push({ step, sha256: await weightsHash(this.#task.model) });
    this.#callbacks.onHash?.(this.#hashes.at(-1)!);
    this.#reader.resume();
  }

  async #saveIfDue(isLast: boolean): Promise<void> {
    const { onCheckpoint } = this.#callbacks;
    const saves = onCheckpoint !== undefined || getWorldSize() > 1;
    const isDue = isLast || (saves && this.#count % this.#options.saveEvery === 0);
    if (!isDue || this.#savedAt === this.#count) return;
    await this.#settle();
    await this.#compare();
    const { microBatchSize } = this.#step;
    await onCheckpoint?.({
      step: this.#count,
      position: this.#position,
      log: this.#log,
      optimizer: this.#step.optimizer.stateDict(),
      ...(!this.#task.stepSeed && { random: getRngState(this.#device) }),
      ...(microBatchSize !== undefined && { microBatchSize }),
      ...(this.#options.hashEvery !== undefined && { hashes: [...this.#hashes] }),
    });
    processGroup().barrier();
    this.#savedAt = this.#count;
    this.#reader.resume();
  }

  /** Waits for all steps and checks the weights, once after a step. */
  async #settle(): Promise<void> {
    await this.#reader.drain();
    if (this.#checkedAt === this.#count) return;
    await checkFiniteWeights(this.#task.model, this.#count);
    this.#checkedAt = this.#count;
  }

  /** Compares the weights of all processes, once after a step. */
  async #compare(): Promise<void> {
    if (getWorldSize() === 1 || this.#comparedAt === this.#count) return;
    await compareWeights(this.#task.model, this.#count);
    this.#comparedAt = this.#count;
  }
}
