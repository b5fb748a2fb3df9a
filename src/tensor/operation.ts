import type { HalfKind } from '../kernels/kit/half.ts';
import { ArgumentError } from '../platform/errors.ts';
import { formatValue, isObject } from '../platform/format.ts';
import { checkOptions, isPlain } from '../platform/options.ts';
import { halvesExist } from './elements.ts';
import { renamed } from './errorName.ts';
import { floatToHalf, halfToFloat, promotedDtype } from './half.ts';
import { isHalf, Tensor } from './tensor.ts';

/**
 * What all public operations share. Messages begin with the name that the caller wrote, whatever
 * the operation is composed of. Kernels compute in float32: float16 and bfloat16 arguments are
 * converted, and so is the result (`promotedDtype`).
 */

type AnyFunction = (...args: never[]) => unknown;
type Loose = (...args: unknown[]) => unknown;

/**
 * An operation under its public name.
 * @param tensors number of leading arguments that must be tensors
 * @param options names of those that it takes in an object
 */
export const operation = <F extends AnyFunction>(
  name: string,
  tensors: number,
  body: F,
  options?: readonly string[],
): F => wrap(name, tensors, withHalves(body as unknown as Loose), options) as unknown as F;

/** The same for one that works on any dtype as it is: views. */
export const viewOperation = <F extends AnyFunction>(
  name: string,
  tensors: number,
  body: F,
  options?: readonly string[],
): F => wrap(name, tensors, body as unknown as Loose, options) as unknown as F;

function wrap(name: string, tensors: number, body: Loose, options?: readonly string[]): Loose {
  return (...args) => {
    for (let i = 0; i < tensors; i++)
      if (!(args[i] instanceof Tensor))
        throw new ArgumentError(
          `${name}: expected a tensor${tensors > 1 ? ` as argument ${i + 1}` : ''}, ` +
            `got ${formatValue(args[i])}`,
        );
    for (const arg of args) if (isObject(arg) && isPlain(arg)) checkObject(name, arg, options);
    try {
      const result = body(...args);
      return result instanceof Promise
        ? result.catch((error) => Promise.reject(renamed(error, name)))
        : result;
    } catch (error) {
      throw renamed(error, name);
    }
  };
}

/** @throws ArgumentError for keyword arguments where there are none, and for others than those. */
function checkObject(name: string, given: object, options: readonly string[] | undefined): void {
  if (options) checkOptions(name, given, options);
  else
    throw new ArgumentError(
      `${name}: expected its arguments one after the other, in PyTorch's order, ` +
        `got ${formatValue(given)}`,
    );
}

/** Computes in float32 where arguments are half. */
function withHalves(body: Loose): Loose {
  return (...args) => {
    if (!halvesExist()) return body(...args);
    const tensors = args.flatMap(tensorsIn);
    if (!tensors.some(({ dtype }) => isHalf(dtype))) return body(...args);
    const dtype = promotedDtype(tensors);
    const result = body(...args.map((one) => mapTensors(one, halfToFloat)));
    if (dtype === 'float32') return result;
    const toResult = (one: unknown) => mapTensors(one, (t) => toHalf(t, dtype));
    return result instanceof Promise ? result.then(toResult) : toResult(result);
  };
}

const toHalf = (x: Tensor, dtype: HalfKind): Tensor =>
  x.dtype === 'float32' ? floatToHalf(x, dtype) : x;

/** Tensors of an argument: itself, or those in a list or in options. */
function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  const members = Array.isArray(value) ? value : Object.values(value);
  return members.filter((one) => one instanceof Tensor);
}

/** A value with its tensors replaced. */
function mapTensors(value: unknown, replace: (x: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return replace(value);
  if (tensorsIn(value).length === 0) return value;
  const one = (member: unknown) => (member instanceof Tensor ? replace(member) : member);
  if (Array.isArray(value)) return value.map(one);
  const entries = Object.entries(value as object).map(([key, member]) => [key, one(member)]);
  return Object.fromEntries(entries);
}

/** @throws ArgumentError unless it is a tensor. */
export function requireTensor(value: unknown): void {
  if (!(value instanceof Tensor))
    throw new ArgumentError(`expected a tensor, got ${formatValue(value)}`);
}

/** @throws ArgumentError unless it is a tensor, or not given. */
export function requireTensorIfGiven(value: unknown): void {
  if (value !== null && value !== undefined) requireTensor(value);
}

/** @throws ArgumentError unless it is a tensor or a number. */
export function requireOperand(value: unknown): void {
  if (typeof value !== 'number' && !(value instanceof Tensor))
    throw new ArgumentError(`expected a tensor or a number, got ${formatValue(value)}`);
}

/** @throws ArgumentError unless it is a list of one or more tensors. */
export function requireTensors(tensors: unknown): void {
  if (!Array.isArray(tensors) || !tensors.every((one) => one instanceof Tensor))
    throw new ArgumentError(`expected a list of tensors, got ${formatValue(tensors)}`);
  if (tensors.length === 0) throw new ArgumentError('expected a list of tensors, got none');
}
