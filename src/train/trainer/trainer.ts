/**
 * The one training loop. Fine-tuning, pre-training, the study and the benchmark describe what they
 * train as a `TrainingTask`; the Trainer owns the optimizer, the schedule, the captured step, and
 * decides when to evaluate, to save and to stop. Everything counts in steps: recipes turn epochs
 * into steps.
 *
 * A run can be cut off after any step. Its state (`TrainerState`) together with the model's weights
 * and the same options continues with the same bits.
 */
import {
  type AdamOptions,
  AdamW,
  clipGradNorm,
  type LRScheduler,
  type OptimizerState,
} from '../../nn/optim/index.ts';
import { UsageError } from '../../platform/errors.ts';
import {
  backward,
  type CapturedStep,
  capture,
  cat,
  getRngState,
  type HostTensor,
  manualSeed,
  noGrad,
  type RngState,
  scope,
  setRngState,
  type Tensor,
} from '../../tensor/index.ts';
import { splitParts } from './accumulation.ts';
import { checkFiniteWeights } from './checks.ts';
import {
  checkCount,
  checkHyperparameters,
  type Hyperparameters,
  warmupSteps,
  weightDecayGroups,
} from './hyperparameters.ts';
import { layerDecayGroups } from './layerDecay.ts';
import { createSchedule } from './schedule.ts';
import { StepReader, type Throughput } from './stepReader.ts';
import type { StepInfo, TrainBatch, TrainingLog, TrainingTask } from './trainingTask.ts';

/** Options of a `Trainer`. */
export interface TrainerOptions extends Hyperparameters {
  totalSteps: number;
  /** Steps between evaluations; the last step is always followed by one. */
  evalEvery: number;
  /** Steps between checkpoints; the last step is always followed by one. */
  saveEvery: number;
  /** ε of AdamW. Default 1e-8. */
  eps?: number;
  /** Factor of the learning rate from a layer to the one below it. Default 1. */
  layerDecay?: number;
}

/** Where a run stands. `T` holds the optimizer's moments. */
export interface TrainerState<P, S, E, T> {
  /** Steps done. */
  step: number;
  position: P;
  log: TrainingLog<S, E>;
  optimizer: OptimizerState<AdamOptions, T>;
  /** Absent where each step has its own seed. */
  random?: RngState;
}

/** What a `Trainer` reports, and how it is stopped. */
export interface TrainerCallbacks<P, S, E> {
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Multiply-add peak of the device in operations per second: steps then report `utilisation`. */
  peakFlops?: number;
  /** After each step, when its results arrive. */
  onStep?: (record: S, pace: Throughput) => void;
  /** `seconds` since the last evaluation. */
  onEvaluation?: (record: E, seconds: number) => void | Promise<void>;
  /** At the start, every `saveEvery` steps and at the end, however it comes. */
  onCheckpoint?: (state: TrainerState<P, S, E, Tensor>) => Promise<void>;
}

/** What can be resumed from: the moments may be read lazily from a file. */
export type SavedState<P, S, E> = TrainerState<P, S, E, { data: Float32Array }>;

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
  readonly #optimizer: AdamW;
  readonly #schedule: LRScheduler;
  readonly #step: CapturedStep<Record<string, Tensor>>;
  readonly #reader: StepReader<Omit<StepInfo, 'loss' | 'gradNorm'>>;
  readonly #log: TrainingLog<S, E>;
  #count: number;
  #position: P;
  #savedAt: number | undefined;
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
    const { totalSteps, learningRate, weightDecay, eps = 1e-8, layerDecay = 1, seed } = options;
    checkHyperparameters(options);
    checkCount('totalSteps', totalSteps);
    checkCount('evalEvery', options.evalEvery);
    checkCount('saveEvery', options.saveEvery);
    this.#task = task;
    this.#options = options;
    this.#callbacks = callbacks;
    if (!(layerDecay > 0 && layerDecay <= 1))
      throw new UsageError(`\`layerDecay\`: expected a number above 0 to 1, got ${layerDecay}`);
    const groups =
      layerDecay === 1
        ? weightDecayGroups(task.model, weightDecay)
        : layerDecayGroups(task.model, { learningRate, layerDecay, weightDecay });
    this.#optimizer = new AdamW(groups, { lr: learningRate, eps });
    this.#schedule = createSchedule(
      options.lrScheduler ?? 'linear',
      this.#optimizer,
      options.warmupSteps ?? warmupSteps(totalSteps, options.warmupRatio),
      totalSteps,
    );
    this.#log = state?.log ?? { steps: [], evaluations: [] };
    this.#count = state?.step ?? 0;
    this.#position = state?.position ?? task.start;
    this.#savedAt = state?.step;
    manualSeed(seed);
    if (state) {
      this.#optimizer.loadStateDict(state.optimizer);
      this.#schedule.loadStateDict({ ...this.#schedule.stateDict(), lastEpoch: state.step });
      if (state.random) setRngState(state.random, this.#device);
    }
    this.#step = capture(this.#device, (inputs) => this.#trainStep(inputs));
    this.#reader = new StepReader((info, [loss, gradNorm, ...scalars], pace) => {
      const record = task.stepRecord({ ...info, loss, gradNorm }, Float32Array.from(scalars));
      this.#log.steps.push(record);
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
    const { signal } = this.#callbacks;
    const batches = this.#task.batches(this.#position);
    try {
      this.#task.model.train();
      this.#reader.resume();
      for (;;) {
        await this.#evaluateIfDue();
        const isLast = this.#isDone || signal?.aborted === true;
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
    const results = this.#step.run(inputs);
    this.#schedule.step();
    this.#count++;
    return results;
  }

  /** Launches and floating-point operations of the latest step, if the device captures steps. */
  get plan(): CapturedStep<Record<string, Tensor>>['plan'] {
    return this.#step.plan;
  }

  /** Frees the captured step and the optimizer. `train` does it by itself. */
  dispose(): void {
    this.#step.dispose();
    this.#optimizer.dispose();
  }

  get #isDone(): boolean {
    return (
      this.#count >= this.#options.totalSteps ||
      this.#task.isFinished?.(this.#log.evaluations) === true
    );
  }

  async #trainOn({ inputs, epoch, examples, tokens, next }: TrainBatch<P>): Promise<void> {
    const [learningRate] = this.#schedule.getLastLr();
    const { stepSeed } = this.#task;
    if (stepSeed) manualSeed(stepSeed(this.#count));
    const results = this.step(inputs);
    this.#position = next;
    const work = { examples, tokens, flops: this.plan?.flops };
    await this.#reader.push({ step: this.#count, epoch, learningRate }, work, results);
  }

  #trainStep(inputs: Record<string, Tensor>): Tensor {
    const { model } = this.#task;
    const results = this.#backward(splitParts(inputs));
    const gradNorm = clipGradNorm(model.parameters(), this.#options.maxGradNorm);
    this.#optimizer.step();
    this.#optimizer.zeroGrad();
    return noGrad(() => {
      const [loss, ...scalars] = results();
      return cat([loss, gradNorm, ...scalars].map((value) => value.reshape([1])));
    });
  }

  /** Adds up the gradients of the parts; what it returns gives their loss and scalars. */
  #backward(parts: readonly Record<string, Tensor>[]): () => Tensor[] {
    const run = (inputs: Record<string, Tensor>) => {
      const { loss, scalars = () => [] } = this.#task.forward(inputs);
      backward(loss);
      return () => [loss, ...scalars()];
    };
    if (parts.length === 1) return run(parts[0]);
    // One part's activations are freed before the next one needs its own.
    const values = parts.map((part) =>
      scope(() => {
        const results = run(part);
        return noGrad(results);
      }),
    );
    return () => values.reduce((sums, part) => sums.map((sum, i) => sum.add(part[i])));
  }

  /** An evaluation that was interrupted is made up for when the run is resumed. */
  async #evaluateIfDue(): Promise<void> {
    const { totalSteps, evalEvery } = this.#options;
    const { signal, onEvaluation } = this.#callbacks;
    const count = this.#count;
    const last = this.#log.evaluations.at(-1)?.step ?? 0;
    const isDue = count > last && (count % evalEvery === 0 || count === totalSteps);
    if (!isDue || signal?.aborted) return;
    await this.#settle();
    try {
      const since = this.#log.steps.filter(({ step }) => step > last);
      const record = await this.#task.evaluate(this.#log, since, signal);
      if (record) {
        this.#log.evaluations.push(record);
        // A resumed run stands where it was saved, but the checkpoint lacks this evaluation.
        this.#savedAt = undefined;
        await onEvaluation?.(record, (performance.now() - this.#evaluatedAt) / 1000);
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
    this.#reader.resume();
    this.#evaluatedAt = performance.now();
  }

  async #saveIfDue(isLast: boolean): Promise<void> {
    const { onCheckpoint } = this.#callbacks;
    const isDue = isLast || (onCheckpoint && this.#count % this.#options.saveEvery === 0);
    if (!isDue || this.#savedAt === this.#count) return;
    await this.#settle();
    await onCheckpoint?.({
      step: this.#count,
      position: this.#position,
      log: this.#log,
      optimizer: this.#optimizer.stateDict(),
      ...(!this.#task.stepSeed && { random: getRngState(this.#device) }),
    });
    this.#savedAt = this.#count;
    this.#reader.resume();
  }

  /** Waits for all steps and checks the weights. */
  async #settle(): Promise<void> {
    await this.#reader.drain();
    await checkFiniteWeights(this.#task.model, this.#count);
  }
}
