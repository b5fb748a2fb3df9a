/**
 * The gradients of all parameters on the device, where an optimizer's arenas have them, and further
 * memory of the same layout for sums that wait for others. The host sees it as flat arrays: the
 * device's own memory if that is the host's, otherwise copies.
 */
import type { Binding, Device } from '../../device/device.ts';
import { copy } from '../../kernels/elementwise/arithmetic.ts';
import { gradBufferOf, touchedRowsOf } from '../../tensor/gradBuffer.ts';
import { keep, noGrad, type Tensor, zeros } from '../../tensor/index.ts';
import { launchMap, tensorOver } from '../../tensor/launch.ts';
import { clearGradBuffer } from '../../tensor/pendingGradient.ts';
import { Storage } from '../../tensor/storage.ts';

/** The gradient of an embedding, of which mostly few rows are not zero. */
export interface SparseTable {
  /** Number of the parameter. */
  parameter: number;
  /** Its elements in the arrays of `read`. */
  arena: number;
  begin: number;
  end: number;
  columns: number;
  /** Which rows may not be zero: int32, [rows]. */
  touchedRows: Tensor;
}

export class GradientMemory {
  /** In the order of their places. */
  readonly tables: readonly SparseTable[];
  readonly #device: Device;
  readonly #parameters: readonly Tensor[];
  readonly #arenas: readonly Storage[];
  /** Of the sums after the first, a tensor for each arena. */
  readonly #further: Tensor[][] = [];

  /** @param parameters those of an optimizer */
  constructor(parameters: readonly Tensor[]) {
    this.#device = parameters[0].device;
    this.#parameters = parameters;
    this.#arenas = [...new Set(parameters.map((parameter) => gradBufferOf(parameter)!.parent!))];
    this.tables = parameters
      .flatMap((tensor, parameter) => {
        const touchedRows = touchedRowsOf(gradBufferOf(tensor)!);
        if (!touchedRows) return [];
        const place = this.#placeOf(tensor);
        const [end, columns] = [place.begin + tensor.size, tensor.size / touchedRows.size];
        return [{ parameter, ...place, end, columns, touchedRows }];
      })
      .sort((a, b) => a.arena - b.arena || a.begin - b.begin);
  }

  /** Makes room for so many sums. It is to be called outside the step. */
  reserve(sums: number): void {
    while (this.#further.length < sums - 1)
      this.#further.push(
        this.#arenas.map(({ device, bytes }) => keep(zeros([bytes / 4], { device }))),
      );
  }

  /** Writes the gradient of parameter `index`, or zeros, to the further memory `number`. */
  store(number: number, index: number, gradient: Tensor | null): void {
    const parameter = this.#parameters[index];
    const { arena, begin } = this.#placeOf(parameter);
    const parent = this.#further[number][arena].storage;
    const part = { parent, offset: begin * 4, size: parameter.size * 4 };
    const target = tensorOver(new Storage(this.#device, part), parameter.shape);
    noGrad(() => {
      if (gradient) launchMap(copy, [gradient], {}, target);
      else target.zero_();
    });
  }

  /** Makes the first sum zero. */
  clear(): void {
    for (const parameter of this.#parameters) clearGradBuffer(parameter);
  }

  /** The first `sums` sums, an array for each arena. */
  read(sums: number): Promise<Float32Array[][]> {
    const further = this.#further.map((of) => of.map(({ storage }) => storage));
    const all = [this.#arenas, ...further].slice(0, sums);
    return Promise.all(all.map((of) => Promise.all(of.map((arena) => this.#read(arena)))));
  }

  /** Brings the first sum back to the device. */
  write(sum: readonly Float32Array[]): void {
    if (this.#device.hostView) return;
    for (const [i, arena] of this.#arenas.entries()) this.#device.write(bindingOf(arena), sum[i]);
  }

  dispose(): void {
    for (const tensor of this.#further.flat()) tensor.dispose();
  }

  #placeOf(parameter: Tensor): { arena: number; begin: number } {
    const { binding, parent } = gradBufferOf(parameter)!;
    return {
      arena: this.#arenas.indexOf(parent!),
      begin: (binding.offset - parent!.binding.offset) / 4,
    };
  }

  async #read(arena: Storage): Promise<Float32Array> {
    const binding = bindingOf(arena);
    return this.#device.hostView?.(binding) ?? new Float32Array(await this.#device.read(binding));
  }
}

const bindingOf = ({ binding, bytes }: Storage): Binding => ({ ...binding, size: bytes });
