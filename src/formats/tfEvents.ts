/**
 * TensorBoard's event files: records of TFRecord, each an `Event` of TensorFlow's event.proto with
 * scalars (summary.proto), encoded as protocol buffers.
 */
import { joinBytes } from '../platform/joinBytes.ts';

const CASTAGNOLI = 0x82f63b78;
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C, masked as TFRecord wants it. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A number of little-endian bytes. */
function fixed(size: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Uint8Array.from([...bytes, value]);
}

const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;
const FLOAT = 5;
const key = (field: number, type: number): Uint8Array => Uint8Array.of((field << 3) | type);
const bytesField = (field: number, bytes: Uint8Array): Uint8Array =>
  joinBytes([key(field, BYTES), varint(bytes.length), bytes]);
const textField = (field: number, text: string): Uint8Array =>
  bytesField(field, new TextEncoder().encode(text));

/** A record of TFRecord: length, its checksum, data, their checksum. */
function record(data: Uint8Array): Uint8Array {
  const length = fixed(8, (view) => view.setBigUint64(0, BigInt(data.length), true));
  const crc = (bytes: Uint8Array) =>
    fixed(4, (view) => view.setUint32(0, maskedCrc32c(bytes), true));
  return joinBytes([length, crc(length), data, crc(data)]);
}

/** @param time in seconds since 1970 */
const event = (time: number, fields: readonly Uint8Array[]): Uint8Array =>
  record(
    joinBytes([key(1, DOUBLE), fixed(8, (view) => view.setFloat64(0, time, true)), ...fields]),
  );

/** The record that an event file begins with. */
export const eventFileHeader = (time: number): Uint8Array =>
  event(time, [textField(3, 'brain.Event:2')]);

/** A record with the scalars of a step, by tag. */
export function scalarEvent(
  time: number,
  step: number,
  scalars: Readonly<Record<string, number>>,
): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) => {
    const number = fixed(4, (view) => view.setFloat32(0, value, true));
    return bytesField(1, joinBytes([textField(1, tag), key(2, FLOAT), number]));
  });
  return event(time, [key(2, VARINT), varint(step), bytesField(5, joinBytes(values))]);
}
