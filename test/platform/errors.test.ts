import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  DeviceLostError,
  DownloadError,
  type ErrorCode,
  KernelError,
  NotFiniteError,
  OutOfMemoryError,
  SafetensorsError,
  StateError,
  UsageError,
  WigbertError,
  WriteError,
} from '../../src/index.ts';

const errors: [name: string, code: ErrorCode, error: WigbertError][] = [
  ['UsageError', 'ERR_USAGE', new UsageError('why')],
  ['ArgumentError', 'ERR_INVALID_ARGUMENT', new ArgumentError('why')],
  ['StateError', 'ERR_INVALID_STATE', new StateError('why')],
  ['NotFiniteError', 'ERR_NOT_FINITE', new NotFiniteError('why')],
  ['SafetensorsError', 'ERR_SAFETENSORS', new SafetensorsError('why')],
  ['DownloadError', 'ERR_DOWNLOAD', new DownloadError('why')],
  ['WriteError', 'ERR_WRITE', new WriteError('why')],
  ['KernelError', 'ERR_KERNEL', new KernelError('gelu', 'why')],
  ['DeviceLostError', 'ERR_DEVICE_LOST', new DeviceLostError('unknown', 'why')],
  ['OutOfMemoryError', 'ERR_OUT_OF_MEMORY', new OutOfMemoryError('why')],
];

describe.each(errors)('%s', (name, code, error) => {
  it(`has the code ${code}`, () => {
    expect(error.code).toBe(code);
  });

  it('is a WigbertError under its own name, and keeps its message', () => {
    expect(error).toBeInstanceOf(WigbertError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
    expect(error.message).toContain('why');
  });
});

it('every class has a code of its own', () => {
  expect(new Set(errors.map(([, code]) => code)).size).toBe(errors.length);
});

it('a broken safetensors file is a mistake in what was given', () => {
  expect(new SafetensorsError('why')).toBeInstanceOf(UsageError);
});

it('an error keeps its cause', () => {
  const cause = new Error('disk full');
  expect(new WriteError('why', { cause }).cause).toBe(cause);
});
