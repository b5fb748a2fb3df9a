/**
 * One optimizer step: forward, backward, clipping and update, captured where the device can. Where
 * the device has too little memory for a batch, its parts are halved: the gradients still add up to
 * those of the whole. Where loss or gradients are not finite, the update is left out, on the device
 * itself, so that nothing waits.
 */
import { OutOfMemoryError } from '../../device/errors.ts';
import { AdamW, clipGradNorm, type LRScheduler } from '../../nn/optim/index.ts';
import { UsageError } from '../../platform/errors.ts';
import {
  backward,
  type CapturedStep,
  capture,
  cat,
  detectAnomaly,
  getRngState,
  type HostTensor,
  isfinite,
  keep,
  manualSeed,
  noGrad,
  ones,
  type RngState,
  scope,
  setRngState,
  type Tensor,
  tensor,
} from '../../tensor/index.ts';
import { splitParts } from './accumulation.ts';
import { type FailedStep, nameNotFinite } from './checks.ts';
import { checkHyperparameters, warmupSteps, weightDecayGroups } from './hyperparameters.ts';
import { type HalvedBatch, halved } from './inMemory.ts';
import { layerDecayGroups } from './layerDecay.ts';
import { createSchedule } from './schedule.ts';
import type { SavedState, TrainerOptions } from './trainerState.ts';
import type { StepInfo, TrainBatch, TrainingTask } from './trainingTask.ts';

/** What is needed to look into a step again. */
export interface StepContext {
  inputs: Record<string, HostTensor>;
  random: RngState;
}

export class TrainingStep<P, S extends StepInfo, E extends { step: number }> {
  readonly optimizer: AdamW;
  readonly schedule: LRScheduler;
  readonly #task: TrainingTask<P, S, E>;
  readonly #options: TrainerOptions;
  readonly #captured: CapturedStep<Record<string, Tensor>>;
  /** 1 until a step was not finite; stays 1 if such steps are skipped. */
  readonly #isHealthy: Tensor;
  /** Examples of a part of a batch, once memory has run out. */
  microBatchSize: number | undefined;

  /** Throws as `Trainer`. */
  constructor(task: TrainingTask<P, S, E>, options: TrainerOptions, state?: SavedState<P, S, E>) {
    const { totalSteps, learningRate, weightDecay, eps = 1e-8, layerDecay = 1, seed } = options;
    checkHyperparameters(options);
    this.#task = task;
    this.#options = options;
    if (!(layerDecay > 0 && layerDecay <= 1))
      throw new UsageError(`\`layerDecay\`: expected a number above 0 to 1, got ${layerDecay}`);
    const groups =
      layerDecay === 1
        ? weightDecayGroups(task.model, weightDecay)
        : layerDecayGroups(task.model, { learningRate, layerDecay, weightDecay });
    this.optimizer = new AdamW(groups, { lr: learningRate, eps });
    this.schedule = createSchedule(
      options.lrScheduler ?? 'linear',
      this.optimizer,
      options.warmupSteps ?? warmupSteps(totalSteps, options.warmupRatio),
      totalSteps,
    );
    manualSeed(seed);
    if (state) {
      this.optimizer.loadStateDict(state.optimizer);
      this.schedule.loadStateDict({ ...this.schedule.stateDict(), lastEpoch: state.step });
      if (state.random) setRngState(state.random, this.#device);
      this.microBatchSize = state.microBatchSize;
    }
    this.#isHealthy = keep(ones([1], { device: this.#device }));
    this.#captured = capture(this.#device, (inputs) => this.#step(inputs));
  }

  get #device() {
    return this.#task.model.parameters()[0].device;
  }

  /** The latest plan, if the device captures steps. */
  get plan(): CapturedStep<Record<string, Tensor>>['plan'] {
    return this.#captured.plan;
  }

  /**
   * Queues one optimizer step; resolves with loss, norm of the gradients and the task's scalars.
   */
  run(inputs: Record<string, HostTensor>): Promise<Float32Array> {
    const results = this.#options.detectAnomaly
      ? detectAnomaly(() => this.#captured.run(inputs))
      : this.#captured.run(inputs);
    this.schedule.step();
    return results;
  }

  /**
   * Finds out whether there is memory for a step, which changes no weight.
   * @throws OutOfMemoryError if there is too little.
   */
  async tryInputs(inputs: Record<string, HostTensor>): Promise<void> {
    this.#isHealthy.zero_();
    try {
      if (this.#device.capture) await this.#captured.prepare(inputs);
      else await this.#captured.run(inputs);
    } catch (error) {
      this.optimizer.zeroGrad();
      throw error;
    } finally {
      this.#captured.dispose();
    }
  }

  /**
   * The same for the batch of step `step` (from 0), in parts that the device has the memory for.
   * @param onHalved is told of each size that is tried
   * @throws OutOfMemoryError if it has not enough for one example at a time.
   */
  async runInMemory(
    { inputs, divide, examples }: TrainBatch<P>,
    step: number,
    onHalved: (halved: HalvedBatch) => void,
  ): Promise<StepContext & { results: Promise<Float32Array> }> {
    const before = getRngState(this.#device);
    const schedule = this.schedule.stateDict();
    for (;;) {
      const size = this.microBatchSize;
      const parts = size === undefined || !divide || size >= examples ? inputs : divide(size);
      const { stepSeed } = this.#task;
      if (stepSeed) manualSeed(stepSeed(step));
      const random = getRngState(this.#device);
      try {
        const isWaiting = !this.#device.capture || this.#options.detectAnomaly;
        if (!isWaiting) await this.#captured.prepare(parts);
        const results = this.run(parts);
        if (isWaiting) await results;
        return { inputs: parts, random, results };
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error;
        this.schedule.loadStateDict(schedule);
        this.optimizer.zeroGrad();
        this.#captured.dispose();
        this.#device.emptyCache();
        setRngState(before, this.#device);
        const most = divide ? Math.min(examples, size ?? this.#options.batchSize ?? examples) : 1;
        this.microBatchSize = halved(error, most);
        onHalved({ microBatchSize: this.microBatchSize, message: error.message });
      }
    }
  }

  /** What of a step is not finite, by name. All updates since then were left out. */
  async explain(failed: FailedStep, { inputs, random }: StepContext): Promise<string> {
    setRngState(random, this.#device);
    return nameNotFinite(this.#task.model, failed, () => {
      const tensors = Object.entries(inputs).map(([name, { data, shape }]) => [
        name,
        tensor(data, { shape, device: this.#device }),
      ]);
      this.#backward(splitParts(Object.fromEntries(tensors)));
    });
  }

  /** Frees the captured step and the optimizer. */
  dispose(): void {
    this.#captured.dispose();
    this.#isHealthy.dispose();
    this.optimizer.dispose();
  }

  #step(inputs: Record<string, Tensor>): Tensor {
    const { model } = this.#task;
    const results = this.#backward(splitParts(inputs));
    const gradNorm = clipGradNorm(model.parameters(), this.#options.maxGradNorm);
    return noGrad(() => {
      const [loss, ...scalars] = results();
      // All that is read back comes first: memory that runs out leaves the weights as they are.
      const values = cat([loss, gradNorm, ...scalars].map((value) => value.reshape([1])));
      const ok = isfinite(loss.add(gradNorm)).toFloat().reshape([1]);
      const skips = this.#options.onNan === 'skip';
      this.optimizer.step(skips ? ok : this.#isHealthy.mul_(ok));
      this.optimizer.zeroGrad();
      return values;
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
}
