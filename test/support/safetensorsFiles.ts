import type { TensorToWrite } from '../../src/formats/safetensors/file.ts';

/** A file with this header text, valid or not, and `dataBytes` bytes of data. */
export function fileOf(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const encoded = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + encoded.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(encoded.length), true);
  file.set(encoded, 8);
  return file;
}

/** Tensors of every width, one empty, one scalar. */
export const mixed: [string, TensorToWrite][] = [
  ['w', { dtype: 'F32', shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) }],
  ['é', { dtype: 'F16', shape: [3], data: new Uint8Array([1, 2, 3, 4, 5, 6]) }],
  ['empty', { dtype: 'I64', shape: [0, 4], data: new Uint8Array(0) }],
  ['s', { dtype: 'BOOL', shape: [], data: new Uint8Array([1]) }],
  ['n', { dtype: 'I32', shape: [2], data: new Int32Array([-1, 7]) }],
];
