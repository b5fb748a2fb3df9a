import type { Device, Plan } from '../device/device.ts';
import { ArgumentError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { isGradEnabled } from './autograd.ts';
import { CaptureGuard, withGuard } from './captureGuard.ts';
import { replay } from './hostWrite.ts';
import { tensorOver } from './launch.ts';
import { dropoutGenerator } from './ops/dropout.ts';
import { recordObserver } from './recordObserver.ts';
import { keep, scope } from './scope.ts';
import { formatShape, product, type Shape } from './shape.ts';
import {
  type PackedResults,
  packResults,
  type StepResult,
  type StepValues,
} from './stepResults.ts';
import { empty, type Tensor, type TensorData } from './tensor.ts';

/** Elements on the host with their shape: an input of a captured step. */
export interface HostTensor {
  data: TensorData;
  shape: Shape;
}
type Tensors = Record<string, Tensor>;
type HostInputs<T extends Tensors> = { [K in keyof T]: HostTensor };
interface Traced<T extends Tensors, R> {
  tensors: T;
  result: Tensor;
  unpack: PackedResults<R>['unpack'];
}
interface Captured<T extends Tensors, R> {
  plan: Plan;
  tensors: T;
  unpack: PackedResults<R>['unpack'];
  guard: CaptureGuard;
}

/**
 * Captures a step (forward, backward, optimiser) when inputs of new shapes come, and replays it for
 * inputs of the same shapes: its launches are known, its memory is laid out once, and only the
 * inputs and a few numbers go up. Results are those of running `step` each time, bit for bit.
 * PyTorch has CUDA graphs for this, JAX `jit`.
 *
 * `step` gets the inputs as tensors and returns a float32 tensor, or several in an array or a
 * record; `run` gives the elements of each. Its JavaScript runs once for each
 * set of shapes, and again if a parameter was moved, frozen or unfrozen, or has another gradient.
 * So it must not depend on values, nor keep tensors that it makes (call `zeroGrad` in the step).
 * Optimisers, dropout and random numbers advance with each replay, by the learning rates of that
 * moment. A schedule inside of `step` would not: call `schedule.step()` after `run`. Other work of
 * the host goes into `device.onReplay`.
 *
 * If `step` throws while it is captured, parameters and counts of steps are unchanged; random
 * numbers have advanced, and gradients that it dropped stay dropped. On the cpu device, `step` runs
 * each time.
 */
export const capture = <T extends Tensors, R extends StepResult = Tensor>(
  device: Device,
  step: (inputs: T) => R,
): CapturedStep<T, R> => new CapturedStep(device, step);

/** A step that `capture` made; call `run` for each batch. */
export class CapturedStep<T extends Tensors, R extends StepResult = Tensor> {
  readonly #device: Device;
  readonly #step: (inputs: T) => R;
  readonly #captured = new Map<string, Captured<T, R>>();
  /** Runs whose results have not come back. */
  readonly #inFlight = new Set<Promise<unknown>>();
  #latestPlan: Plan | undefined;

  constructor(device: Device, step: (inputs: T) => R) {
    this.#device = device;
    this.#step = step;
  }

  /**
   * Captures the step for inputs of these shapes, if that was not done, and waits until the device
   * has the memory for it; `run` with the same inputs must follow. On the cpu device, it does
   * nothing.
   * @throws OutOfMemoryError if there is too little; then it is as if the step was not captured,
   *   except for random numbers, which have advanced.
   */
  async prepare(inputs: HostInputs<T>): Promise<void> {
    if (!this.#device.capture || this.#validCapture(keyOf(inputs))) return;
    // Or these would reject with what is wrong here.
    await Promise.allSettled(this.#inFlight);
    const { plan, guard } = this.#capture(keyOf(inputs), inputs);
    try {
      await this.#device.synchronize();
    } catch (error) {
      this.#captured.delete(keyOf(inputs));
      plan.dispose();
      guard.restoreGradients();
      throw error;
    }
  }

  /**
   * Queues the step; resolves with the elements of its result, or of each. Rejects with an
   * ArgumentError if an input does not fill its shape, and with what went wrong on the device.
   */
  async run(inputs: HostInputs<T>): Promise<StepValues<R>> {
    for (const [name, { data, shape }] of Object.entries(inputs)) {
      if (data.length !== product(shape))
        throw new ArgumentError(
          `${name}: expected ${product(shape)} elements for shape ${formatShape(shape)}, ` +
            `got ${data.length}`,
        );
    }
    if (!this.#device.capture || recordObserver()) return this.#runEagerly(inputs);
    const key = keyOf(inputs);
    const { plan, tensors, guard, unpack } = this.#validCapture(key) ?? this.#capture(key, inputs);
    this.#latestPlan = plan;
    const replayed = replay(this.#device, plan, () => {
      for (const name in inputs) tensors[name].copy_(inputs[name].data);
    });
    this.#inFlight.add(replayed);
    const isBack = () => this.#inFlight.delete(replayed);
    replayed.then(isBack, isBack);
    guard.noteReplay();
    applyFinalGradients(guard);
    return unpack(new Float32Array(await replayed));
  }

  /** Launches and floating-point operations of the latest run; undefined on the cpu device. */
  get plan(): Pick<Plan, 'launches' | 'flops'> | undefined {
    return this.#latestPlan;
  }

  /** Frees the memory of the step on the device; it is captured again if it is run again. */
  dispose(): void {
    for (const { plan } of this.#captured.values()) plan.dispose();
    this.#captured.clear();
  }

  /** The capture for these shapes, if a new one would not differ. */
  #validCapture(key: string): Captured<T, R> | undefined {
    const captured = this.#captured.get(key);
    if (!captured || (captured.guard.isValid && !captured.plan.allocationFailed)) return captured;
    captured.plan.dispose();
    this.#captured.delete(key);
    return undefined;
  }

  #capture(key: string, inputs: HostInputs<T>): Captured<T, R> {
    // The generator outlives steps, so it must not be made in one.
    dropoutGenerator(this.#device);
    const guard = new CaptureGuard();
    guard.guardValue(isGradEnabled, isGradEnabled);
    let traced!: Traced<T, R>;
    const trace = () => {
      traced = this.#runStep(inputs);
      guard.finish();
      const { storage, size } = traced.result;
      return {
        result: { ...storage.binding, size: size * 4 },
        inputs: Object.values(traced.tensors).map(({ storage }) => storage.binding.buffer),
      };
    };
    try {
      const captured = {
        plan: this.#device.capture!(() => withGuard(guard, trace)),
        tensors: traced.tensors,
        unpack: traced.unpack,
        guard,
      };
      this.#captured.set(key, captured);
      return captured;
    } catch (error) {
      guard.restoreGradients();
      throw error;
    }
  }

  async #runEagerly(inputs: HostInputs<T>): Promise<StepValues<R>> {
    const { tensors, result, unpack } = this.#runStep(inputs);
    try {
      return unpack((await result.data()) as Float32Array);
    } finally {
      for (const tensor of [...Object.values(tensors), result]) tensor.dispose();
    }
  }

  #runStep(inputs: HostInputs<T>): Traced<T, R> {
    const device = this.#device;
    const generator = dropoutGenerator(device);
    device.onReplay(
      () => generator.beginStep(),
      () => generator.invalidate(),
    );
    const tensors = {} as T;
    for (const name in inputs) {
      const { data, shape } = inputs[name];
      if (!(data instanceof Float32Array || data instanceof Int32Array))
        throw new ArgumentError(
          `${name}: expected a Float32Array or an Int32Array, got ${formatValue(data)}`,
        );
      tensors[name] = keep(
        empty(shape, data instanceof Float32Array ? 'float32' : 'int32', device),
      ).copy_(data) as T[typeof name];
    }
    let packed!: PackedResults<R>;
    const run = () => {
      packed = packResults(this.#step(tensors));
      return packed.tensor;
    };
    try {
      const result = keep(scope(run));
      return { tensors, result, unpack: packed.unpack };
    } finally {
      device.onReplay(() => generator.endStep());
    }
  }
}

/** What tells captures apart. */
const keyOf = (inputs: Record<string, HostTensor>): string =>
  Object.entries(inputs)
    .map(([name, { data, shape }]) => `${name} ${data.constructor.name} ${formatShape(shape)}`)
    .join();

/** Leaves gradients where running the step would. */
function applyFinalGradients({ finalGradients }: CaptureGuard): void {
  for (const [leaf, storage] of finalGradients) {
    if (leaf.isDisposed || leaf.grad?.storage === storage) continue;
    leaf.grad?.dispose();
    leaf.grad = storage ? keep(tensorOver(storage, leaf.shape)) : null;
  }
}
