import type { Device } from '../device/device.ts';
import { isDense } from '../kernels/kit/map.ts';
import { ArgumentError, StateError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { guardGradient, guardRead, guardUse } from './captureGuard.ts';
import { checkGradient } from './checkGradient.ts';
import {
  type DType,
  decode,
  dtypes,
  elementsIn,
  isHalf,
  memoryOf,
  noteHalf,
  wordsOf,
} from './elements.ts';
import { describe, formatTensor } from './print.ts';
import { track } from './scope.ts';
import { contiguousStrides, formatShape, product, type Shape } from './shape.ts';
import { Storage } from './storage.ts';
import { writeValues } from './writeValues.ts';

// Libraries of types before ES2026 lack it.
declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

export { type DType, isHalf } from './elements.ts';
/** Elements on the host. */
export type TensorData = Float32Array | Int32Array;

/** From the gradients of all results to those of the inputs, in order; null: it has none. */
export type Backward = (...gradients: Tensor[]) => readonly (Tensor | SparseRowGradient | null)[];

/** Instead of a backward: makes the results again, with nodes of their own, to go on there. */
export interface Recomputation {
  recompute(): readonly Tensor[];
}

/** How a tensor was made: what backward needs to pass a gradient on to the inputs. */
export interface Node {
  /** Increases with each operation: an operation's inputs have lower ids. */
  readonly id: number;
  readonly name: string;
  /** Empty once `backward` was used, so that a result kept for its value keeps nothing else. */
  inputs: readonly Tensor[];
  /** The results, if there may be several: they share the node. */
  readonly outputs: readonly Tensor[] | undefined;
  /** Undefined once it was used; so is `composed`, the same result by recorded operations. */
  backward: Backward | Recomputation | undefined;
  composed: (() => Tensor) | undefined;
}

/** Sparse gradient of an embedding: only some rows are not 0. It is added last. */
export interface SparseRowGradient {
  /** Tensors that must live until then. */
  readonly keepAlive: readonly Tensor[];
  /**
   * Adds the rows to `gradient`, and marks them in `touchedRows` (int32, [rows]) if it is given.
   */
  accumulateInto(gradient: Tensor, touchedRows?: Tensor): void;
}

/**
 * An n-dimensional array on a device, as PyTorch's. Views (`view`, transpose, slices, expand) share
 * its memory. Operations are methods too; `ops/` defines them, this file only what a tensor is.
 * @example await tensor([[1, 2], [3, 4]]).mul(2).sum().item(); // 20
 */
export class Tensor {
  readonly storage: Storage;
  readonly shape: Shape;
  readonly strides: readonly number[];
  /** Position of the first element in the storage, in elements. */
  readonly offset: number;
  readonly dtype: DType;
  #requiresGrad = false;
  #hasRequiredGrad = false;
  #gradFn: Node | undefined;
  #isLeaf = true;
  #grad: Tensor | null = null;
  #disposed = false;

  constructor(
    storage: Storage,
    shape: Shape,
    dtype: DType = 'float32',
    strides: Shape = contiguousStrides(shape),
    offset = 0,
  ) {
    this.storage = storage;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.dtype = dtype;
    if (isHalf(dtype)) noteHalf();
    storage.retain();
    track(this);
  }

  /** Whether operations on it are recorded for `backward`. */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(value: boolean) {
    this.#requiresGrad = value;
    if (value) this.#hasRequiredGrad = true;
  }

  /**
   * Whether modules take it for a parameter: no operation made it, and it requires a gradient or
   * did, before it was frozen.
   */
  get isVariable(): boolean {
    return this.#isLeaf && this.#hasRequiredGrad;
  }

  /** How it was made, if that is recorded and not freed yet. */
  get gradFn(): Node | undefined {
    return this.#gradFn;
  }

  set gradFn(node: Node | undefined) {
    this.#gradFn = node;
    if (node) this.#isLeaf = false;
  }

  /** Whether no recorded operation made it (PyTorch's `is_leaf`): a parameter, an input. */
  get isLeaf(): boolean {
    return this.#isLeaf;
  }

  /**
   * The sum of what `backward` computed; null before the first call. For an optimiser's parameters,
   * the next backward after `zeroGrad` overwrites it: copy it to keep it. One that is set is added
   * to in its place.
   * @throws ArgumentError when one is set that has another shape, dtype or device.
   */
  get grad(): Tensor | null {
    return this.#grad;
  }

  set grad(gradient: Tensor | null) {
    if (gradient) checkGradient('grad: expected', gradient, this);
    guardGradient(this, false);
    this.#grad = gradient;
  }

  get device(): Device {
    return this.storage.device;
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return product(this.shape);
  }

  /** Whether the elements lie in row-major order without gaps. */
  get isContiguous(): boolean {
    return isDense(this.ndim, this.shape, this.strides);
  }

  /**
   * Turns recording on or off, for a tensor that no operation made. Returns it.
   * @throws ArgumentError if it is turned on for a dtype other than float32.
   */
  requiresGrad_(value = true): this {
    if (value && this.dtype !== 'float32')
      throw new ArgumentError(
        `requiresGrad_: expected a float32 tensor, got ${this.dtype}` +
          (isHalf(this.dtype)
            ? ': keep what is trained in float32, and convert where it is used'
            : ''),
      );
    this.requiresGrad = value;
    return this;
  }

  /** A view of the same elements, without a gradient. */
  detach(): Tensor {
    return this.asStrided(this.shape, this.strides, this.offset);
  }

  /**
   * Another view of this memory, without a gradient (PyTorch's `as_strided`). Nothing is checked.
   * @param strides and offset count elements
   */
  asStrided(shape: Shape, strides: Shape, offset: number): Tensor {
    guardUse(this);
    return new Tensor(this.storage, shape, this.dtype, strides, offset);
  }

  /**
   * The elements in row-major order, once the device has computed them. It is asynchronous, unlike
   * PyTorch's `numpy()`: await it.
   */
  async data(): Promise<TensorData> {
    this.#assertNotDisposed();
    guardRead(this);
    if (this.size === 0) return decode(new ArrayBuffer(0), this.dtype);
    return elementsIn(await this.device.read(memoryOf(this)), this);
  }

  /**
   * The value of a tensor of one element. Await it, as `data()`.
   * @throws ArgumentError for a tensor of another size.
   */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ArgumentError(
        `item: expected a tensor of one element, got shape ${formatShape(this.shape)}`,
      );
    return (await this.data())[0];
  }

  /** The elements as nested arrays. */
  async tolist(): Promise<unknown> {
    const values = await this.data();
    let at = 0;
    const nest = (d: number): unknown =>
      d === this.ndim ? values[at++] : Array.from({ length: this.shape[d] }, () => nest(d + 1));
    return nest(0);
  }

  /**
   * Overwrites the elements with values from the host. Returns the tensor.
   * @throws ArgumentError if the number of values differs, or the tensor is not contiguous.
   */
  upload(values: ArrayLike<number>): this {
    this.#assertNotDisposed();
    writeValues(this, values);
    return this;
  }

  /** Frees the memory at once, unless views of it are alive. Using the tensor later throws. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#gradFn = undefined;
    this.storage.release();
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** With the values, as PyTorch prints them, on the cpu device; else see `print`. */
  toString(): string {
    if (this.#disposed) return `${describe(this)}, disposed`;
    const bytes = this.size === 0 ? new ArrayBuffer(0) : this.device.peek?.(memoryOf(this));
    const hint = ': `await x.print()` shows the values, `await x.tolist()` gives them';
    return formatTensor(this, bytes && elementsIn(bytes, this), hint);
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** Prints the tensor with its values, on any device. Await it. */
  async print(): Promise<void> {
    console.log(formatTensor(this, await this.data()));
  }

  #assertNotDisposed(): void {
    if (this.#disposed)
      throw new StateError(
        `${describe(this)} was disposed: keep it (\`keep\`) or return it from its scope`,
      );
  }
}

/**
 * A tensor with undefined contents.
 * @throws ArgumentError if a size is not an integer ≥ 0.
 */
export function empty(shape: Shape, dtype: DType, device: Device): Tensor {
  if (!shape.every((n) => Number.isInteger(n) && n >= 0))
    throw new ArgumentError(`invalid shape ${formatShape(shape)}: sizes must be integers ≥ 0`);
  if (!dtypes.includes(dtype))
    throw new ArgumentError(
      `dtype: expected ${dtypes.join(', ')}, got ${formatValue(dtype)}` +
        (String(dtype).includes('64') ? ': integers are int32 here, floats float32' : ''),
    );
  const words = wordsOf({ dtype, size: product(shape) });
  return new Tensor(new Storage(device, words * 4), shape, dtype);
}
