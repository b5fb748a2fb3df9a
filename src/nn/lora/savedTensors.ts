import { keep, noGrad, Tensor } from '../../tensor/index.ts';
import type { Module } from '../module.ts';
import type { LoraConfig } from './loraConfig.ts';

/** A predicate: whether a module is one of those that are saved whole, or within one. */
export const isSavedIn = (saved: readonly string[]) => (name: string) =>
  saved.some((end) => `.${name}.`.includes(`.${end}.`));

/** A tensor in a field of a module, which adapters replace by one of their own. */
export interface TensorSlot {
  /** In the state dict of the model. */
  readonly name: string;
  readonly owner: Record<string, Tensor>;
  readonly field: string;
}

/** The tensors of a model that an adapter saves whole: modules, and biases. */
export function savedSlots(
  model: Module,
  saved: readonly string[],
  bias: LoraConfig['bias'],
): TensorSlot[] {
  const parameters = new Set(model.parameters());
  const isSaved = isSavedIn(saved);
  const slots: TensorSlot[] = [];
  for (const [path, module] of model.namedModules()) {
    if (/\.lora_[AB]\.[^.]+$/.test(path)) continue;
    const withBias = bias === 'all' || (bias === 'lora_only' && path.endsWith('.base_layer'));
    for (const [field, value] of Object.entries(module)) {
      const isWanted = isSaved(path) || (withBias && field === 'bias');
      if (isWanted && value instanceof Tensor && parameters.has(value))
        slots.push({
          name: `${path}.${field}`,
          owner: module as unknown as Record<string, Tensor>,
          field,
        });
    }
  }
  return slots;
}

/** Tensors of a model of which each adapter has a value of its own. */
export class SavedTensors {
  readonly #all: { slot: TensorSlot; base: Tensor; values: Map<string, Tensor> }[] = [];

  /** Gives an adapter a value of its own for each of the tensors, at first the base model's. */
  add(slots: readonly TensorSlot[], adapter: string): void {
    for (const slot of slots) {
      const { owner, field } = slot;
      let saved = this.#all.find(({ slot: of }) => of.owner === owner && of.field === field);
      if (!saved) {
        saved = { slot, base: owner[field], values: new Map() };
        this.#all.push(saved);
      }
      saved.values.set(adapter, noGrad(() => keep(saved.base.detach().clone())).requiresGrad_());
    }
  }

  /** Puts an adapter's values into the model, and the base model's where it has none. */
  place(adapter: string | undefined): void {
    for (const { slot, base, values } of this.#all)
      slot.owner[slot.field] = values.get(adapter ?? '') ?? base;
  }

  /** An adapter's values by name. */
  *of(adapter: string | undefined): Generator<[string, Tensor]> {
    for (const { slot, values } of this.#all) {
      const value = values.get(adapter ?? '');
      if (value) yield [slot.name, value];
    }
  }

  /** What stands in no field of the model now. */
  *resting(): Generator<Tensor> {
    for (const { slot, base, values } of this.#all)
      for (const tensor of [base, ...values.values()])
        if (tensor !== slot.owner[slot.field]) yield tensor;
  }

  /** Forgets all; what stands in the model stays. */
  clear(): void {
    for (const tensor of this.resting()) tensor.dispose();
    this.#all.length = 0;
  }
}
