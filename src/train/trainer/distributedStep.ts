import type { Device } from '../../device/device.ts';
import {
  type CapturedStep,
  capture,
  cat,
  type HostTensor,
  type Tensor,
} from '../../tensor/index.ts';
import { type Reduction, sumOverRanks } from '../distributed/exchange.ts';
import { processGroup } from '../distributed/processGroup.ts';
import { partsOfRank, type SumTree, sumsOfRank } from '../distributed/sumTree.ts';
import { countParts, selectParts } from './accumulation.ts';
import { leaveGradient, type PartSum, SumLayout } from './partSums.ts';

/** What a step consists of. */
interface StepBody {
  /** Sums of the parts that the inputs have. */
  backward: (inputs: Record<string, Tensor>) => SumTree<PartSum>;
  /** Updates the parameters by their gradients; returns their norm. */
  update: (loss: Tensor) => Tensor;
  reduction: Reduction;
}

/**
 * A step whose batch several processes share: each computes some of its parts, what they found is
 * added up on the host, and each updates its weights by the sum.
 */
export class DistributedStep {
  readonly #parameters: readonly Tensor[];
  readonly #layout: SumLayout;
  readonly #reduction: Reduction;
  readonly #backward: CapturedStep<Record<string, Tensor>>;
  readonly #update: CapturedStep<Record<string, Tensor>>;

  constructor(
    device: Device,
    parameters: readonly Tensor[],
    { backward, update, reduction }: StepBody,
  ) {
    this.#parameters = parameters;
    this.#layout = new SumLayout(parameters);
    this.#reduction = reduction;
    this.#backward = capture(device, (inputs) =>
      cat(backward(inputs).parts.map(({ sum }) => this.#layout.pack(sum))),
    );
    this.#update = capture(device, ({ loss, ...gradients }) => {
      for (const [number, gradient] of Object.entries(gradients))
        leaveGradient(parameters[Number(number)], gradient.detach());
      return cat([loss, update(loss).reshape([1])]);
    });
  }

  get plan(): CapturedStep<Record<string, Tensor>>['plan'] {
    return this.#backward.plan;
  }

  /** Resolves with loss, norm of the gradients and scalars, once the update is queued. */
  async run(
    inputs: Record<string, HostTensor>,
    around: (body: () => Promise<Float32Array>) => Promise<Float32Array>,
  ): Promise<Float32Array> {
    const group = processGroup();
    const { rank, size } = group;
    const count = countParts(inputs);
    const own = selectParts(inputs, partsOfRank(count, rank, size));
    const hasParts = Object.keys(own).length > 0;
    const found = hasParts ? await around(() => this.#backward.run(own)) : new Float32Array();
    const { length } = this.#layout;
    const sumsOf = Array.from({ length: size }, (_, each) => sumsOfRank(count, each, size));
    const sums = sumsOf[rank].map((_, i) => found.subarray(i * length, (i + 1) * length));
    const total = sumOverRanks(group, this.#reduction, sums, { length, sumsOf });
    const { values, gradients } = this.#layout.unpack(total, sumsOf.flat().length);
    const [loss, ...scalars] = values;
    const updated = await this.#update.run({
      loss: { data: Float32Array.of(loss), shape: [1] },
      ...Object.fromEntries(
        gradients.map(({ parameter, data }) => [
          `${parameter}`,
          { data, shape: this.#parameters[parameter].shape },
        ]),
      ),
    });
    return Float32Array.of(...updated, ...scalars);
  }

  dispose(): void {
    this.#backward.dispose();
    this.#update.dispose();
  }
}
