import { describe, expect, it } from 'vitest';
import { eventFileHeader, maskedCrc32c, scalarEvent } from '../../src/formats/tfEvents.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('event files of TensorBoard', () => {
  it('have the checksum of CRC-32C, masked', () => {
    // RFC 3720, B.4, of 32 zeros, and the usual check of nine digits, before masking.
    const masked = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
    expect(maskedCrc32c(new Uint8Array(32))).toBe(masked(0x8a9136aa));
    expect(maskedCrc32c(new TextEncoder().encode('123456789'))).toBe(masked(0xe3069283));
  });

  // Made in Python with struct and a bitwise checksum:
  // rec(b'\x09' + pack('<d', time) + ...), rec(d) = pack('<Q', len) + crc + d + crc.
  it('begin with the version', () => {
    expect(hex(eventFileHeader(1700000000.25))).toBe(
      '1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9',
    );
  });

  it('hold scalars under their tags', () => {
    const scalars = { 'train/loss': 0.1, 'eval/한': -2.5 };
    expect(hex(scalarEvent(1700000001.5, 70000, scalars))).toBe(
      '33000000000000000ca720560900006040fc54d94110f0a2042a240a110a0a747261696e2f6c6f7373' +
        '15cdcccc3d0a0f0a086576616c2fed959c15000020c0b3dacc64',
    );
  });
});
