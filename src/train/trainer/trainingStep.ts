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
import { enterDropoutPart, rngStateAfterParts } from '../../tensor/rngState.ts';
import { getWorldSize } from '../distributed/processGroup.ts';
import { countParts, splitParts } from './accumulation.ts';
import { type FailedStep, nameNotFinite } from './checks.ts';
import { DistributedStep } from './distributedStep.ts';
import { checkHyperparameters, warmupSteps, weightDecayGroups } from './hyperparameters.ts';
import { type HalvedBatch, halved } from './inMemory.ts';
import { layerDecayGroups } from './layerDecay.ts';
import { leaveTotal, sumParts } from './partSums.ts';
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
  /** Takes the place of `#captured` where several processes share a batch. */
  readonly #distributed: DistributedStep | undefined;
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
    if (getWorldSize() > 1)
      this.#distributed = new DistributedStep(this.#device, this.#trained, {
        backward: (part, inputs) => this.#runPart(part, inputs),
        update: (loss) => this.#update(loss),
        reduction: options.reduction ?? 'tree',
      });
  }

  get #device() {
    return this.#task.model.parameters()[0].device;
  }

  get #accumulates(): boolean {
    const { gradientAccumulationSteps = getWorldSize() } = this.#options;
    return gradientAccumulationSteps > 1;
  }

  get #trained(): Tensor[] {
    return this.optimizer.paramGroups.flatMap(({ params }) => params);
  }

  /** The latest plan, if the device captures steps. */
  get plan(): CapturedStep<Record<string, Tensor>>['plan'] {
    return (this.#distributed ?? this.#captured).plan;
  }

  /**
   * Queues one optimizer step; resolves with loss, norm of the gradients and the task's scalars.
   * @param random the state that the step begins with
   */
  async run(
    inputs: Record<string, HostTensor>,
    random = getRngState(this.#device),
  ): Promise<Float32Array> {
    const around = (body: () => Promise<Float32Array>): Promise<Float32Array> =>
      this.#options.detectAnomaly ? detectAnomaly(body) : body();
    const results = this.#distributed
      ? this.#distributed.run(inputs, around)
      : around(() => this.#captured.run(inputs));
    // Several processes exchange their sums before they update.
    if (this.#distributed) await results;
    const parts = countParts(inputs);
    if (parts > 1 || this.#accumulates)
      setRngState(rngStateAfterParts(random, parts), this.#device);
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
    const { stepSeed } = this.#task;
    for (;;) {
      const size = this.microBatchSize;
      const parts = size === undefined || !divide || size >= examples ? inputs : divide(size);
      if (stepSeed) manualSeed(stepSeed(step));
      const random = getRngState(this.#device);
      try {
        const results = await this.#queue(parts, random);
        return { inputs: parts, random, results: results() };
      } catch (error) {
        // Other processes would wait while this one tries smaller parts.
        if (!(error instanceof OutOfMemoryError) || this.#distributed) throw error;
        this.schedule.loadStateDict(schedule);
        this.optimizer.zeroGrad();
        this.#captured.dispose();
        this.#device.emptyCache();
        setRngState(before, this.#device);
        if (!divide)
          throw new OutOfMemoryError(
            'there is not enough memory for a batch, which the loss needs as a whole: ' +
              `${error.message} (\`gradientCheckpointing\` takes less in training)`,
            { cause: error },
          );
        const most = Math.min(examples, size ?? this.#options.batchSize ?? examples);
        this.microBatchSize = halved(error, most);
        onHalved({ microBatchSize: this.microBatchSize, message: error.message });
      }
    }
  }

  /** Queues a step once its memory is known to be there; the promise in it gives the results. */
  async #queue(
    inputs: Record<string, HostTensor>,
    random: RngState,
  ): Promise<() => Promise<Float32Array>> {
    const isWaiting = this.#distributed || !this.#device.capture || this.#options.detectAnomaly;
    if (!isWaiting) await this.#captured.prepare(inputs);
    const results = this.run(inputs, random);
    if (isWaiting) await results;
    return () => results;
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
    this.#distributed?.dispose();
    this.#isHealthy.dispose();
    this.optimizer.dispose();
  }

  #step(inputs: Record<string, Tensor>): Tensor {
    const results = this.#backward(splitParts(inputs));
    const gradNorm = clipGradNorm(this.#task.model.parameters(), this.#options.maxGradNorm);
    return noGrad(() => {
      const [loss, ...scalars] = results();
      // All that is read back comes first: memory that runs out leaves the weights as they are.
      const values = cat([loss, gradNorm, ...scalars].map((value) => value.reshape([1])));
      this.#move(loss, gradNorm);
      return values;
    });
  }

  /** Clips the gradients, which are those of a whole batch, and moves the weights. */
  #update(loss: Tensor): Tensor {
    const gradNorm = clipGradNorm(this.#task.model.parameters(), this.#options.maxGradNorm);
    noGrad(() => this.#move(loss, gradNorm));
    return gradNorm;
  }

  #move(loss: Tensor, gradNorm: Tensor): void {
    const ok = isfinite(loss.add(gradNorm)).toFloat().reshape([1]);
    const skips = this.#options.onNan === 'skip';
    this.optimizer.step(skips ? ok : this.#isHealthy.mul_(ok));
    this.optimizer.zeroGrad();
  }

  /** Adds up the gradients of the parts; what it returns gives their loss and scalars. */
  #backward(parts: ReturnType<typeof splitParts>): () => Tensor[] {
    if (parts.length === 1) return this.#backwardOf(parts[0].inputs);
    if (!this.#accumulates) return this.#addInPlace(parts);
    const sums = sumParts(this.#trained, parts, (part, of) => this.#runPart(part, of));
    const values = leaveTotal(this.#trained, sums);
    return () => values;
  }

  /** Parts that too little memory made: there is none for sums that wait for each other. */
  #addInPlace(parts: ReturnType<typeof splitParts>): () => Tensor[] {
    const values = parts.map(({ part, inputs }) => scope(() => this.#runPart(part, inputs)));
    return () => values.reduce((sums, each) => sums.map((sum, i) => sum.add(each[i])));
  }

  #runPart(part: number, inputs: Record<string, Tensor>): Tensor[] {
    enterDropoutPart(this.#device, part);
    return noGrad(this.#backwardOf(inputs));
  }

  #backwardOf(inputs: Record<string, Tensor>): () => Tensor[] {
    const { loss, scalars = () => [] } = this.#task.forward(inputs);
    backward(loss);
    return () => [loss, ...scalars()];
  }
}
