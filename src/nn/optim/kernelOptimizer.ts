import type { Tensor } from '../../tensor/index.ts';
import type { Arena } from './arena.ts';
import { Optimizer } from './optimizer.ts';

/** What a kernel of optimisers reads and writes beside its state. */
export type UpdateBuffers = Record<'owners' | 'hyper' | 'grad' | 'param', Tensor>;
/** Sizes of a launch of such a kernel. */
export interface UpdateSizes {
  blocks: number;
  first: number;
  rows: number;
}

/**
 * An optimiser of one kernel, whose state are buffers that begin at 0. Their names are those of the
 * kernel and of `stateDict`.
 */
export abstract class KernelOptimizer<
  O extends { lr: number },
  S extends string,
> extends Optimizer<O> {
  readonly #names: readonly S[];
  readonly #states: Record<S, Tensor>[] = [];

  constructor(
    params: readonly Tensor[] | readonly (Partial<O> & { params: readonly Tensor[] })[],
    options: O,
    check: (options: O) => void,
    names: readonly S[],
  ) {
    super(params, options, check);
    this.#names = names;
    this.addState(this.arenas);
  }

  /** Launches the kernel. */
  protected abstract update(buffers: UpdateBuffers & Record<S, Tensor>, sizes: UpdateSizes): void;

  protected override addState(arenas: readonly Arena[]): void {
    for (const arena of arenas) {
      const buffers = this.#names.map((name) => [name, arena.allocate()]);
      this.#states.push(Object.fromEntries(buffers) as Record<S, Tensor>);
    }
  }

  protected override launchUpdate(arena: Arena, hyper: Tensor, rows: number): void {
    const state = this.#states[this.arenas.indexOf(arena)];
    const { owners, grad, param, blocks } = arena;
    this.update({ owners, hyper, grad, param, ...state }, { blocks, first: 0, rows });
  }

  protected override buffers(): Record<string, Tensor>[] {
    return this.#states;
  }

  override dispose(): void {
    super.dispose();
    for (const state of this.#states)
      for (const tensor of Object.values<Tensor>(state)) tensor.dispose();
  }
}
