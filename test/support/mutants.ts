/** A small seeded generator (mulberry32): numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const numbers = [
  '0',
  '1',
  '-1',
  '-0',
  '1.0',
  '1e3',
  '4294967296',
  '9007199254740993',
  '18446744073709551616',
  '1e999',
];
const words = [
  'null',
  'true',
  '{}',
  '[]',
  '[[0]]',
  '""',
  '"F32"',
  '"F31"',
  '"I64"',
  '"F4"',
  '"\\ud800"',
  '"\\u0000"',
];
const keys = [
  '"__proto__"',
  '"constructor"',
  '"__metadata__"',
  '"shape"',
  '"dtype"',
  '"data_offsets"',
  '"w"',
];
const lengths = [
  0n,
  1n,
  7n,
  2n,
  100_000_000n,
  100_000_001n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/**
 * `count` damaged copies of a safetensors file, by changes of bytes, lengths, text and structure,
 * or noise. The same seed gives the same copies.
 */
export function* mutants(file: Uint8Array, count: number, seed: number): Generator<Uint8Array> {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)];
  const headerEnd = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = Buffer.from(file.subarray(8, headerEnd)).toString();

  /** Replaces one match of a pattern in the header, to reach the checks behind the JSON parser. */
  const edit = (text: string, pattern: RegExp, by: (match: string) => string): string => {
    const matches = [...text.matchAll(pattern)];
    if (matches.length === 0) return text;
    const { 0: match, index } = pick(matches);
    return text.slice(0, index) + by(match) + text.slice(index + match.length);
  };
  const edits: ((text: string) => string)[] = [
    (text) => edit(text, /\d+/g, () => (below(2) ? pick(numbers) : String(below(64)))),
    (text) => edit(text, /\d+/g, (digits) => String(Number(digits) + below(9) - 4)),
    (text) => edit(text, /"\w+"(?=:)/g, () => pick(keys)),
    (text) => edit(text, /"[^"]*"|\[[^\]]*\]/g, () => pick(words)),
    (text) =>
      edit(
        text,
        /"\w+":(\{[^{}]*\}|\[[^\]]*\]|"\w+"),?/g,
        (entry) => entry + (below(2) ? `,${entry}` : entry),
      ),
    (text) => edit(text, /"\w+":(\{[^{}]*\}|\[[^\]]*\]|"\w+"),?/g, () => ''),
    (text) => edit(text, /[[\]{}:,]/g, () => pick(['', '[', ']', '{', '}', ':', ',', ' \n'])),
    (text) => edit(text, /[{,]/g, (mark) => `${mark}"x":${pick([...words, ...numbers])},`),
  ];

  for (let i = 0; i < count; i++) {
    if (below(50) === 0) {
      yield Uint8Array.from({ length: below(200) }, () => below(256));
      continue;
    }
    let bytes = Uint8Array.from(file);
    for (let rounds = 1 + below(2); rounds > 0; rounds--) {
      const at = below(bytes.length);
      switch (below(6)) {
        case 0:
          bytes[at] ^= 1 << below(8);
          break;
        case 1:
          bytes = bytes.slice(0, at);
          break;
        case 2:
          bytes = Uint8Array.from(
            Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(9))]),
          );
          break;
        case 3:
          bytes = Uint8Array.from(
            Buffer.concat([
              bytes.subarray(0, at),
              Buffer.of(below(256), below(256)),
              bytes.subarray(at),
            ]),
          );
          break;
        case 4:
          if (bytes.length >= 8) new DataView(bytes.buffer).setBigUint64(0, pick(lengths), true);
          break;
        default: {
          let text = header;
          for (let steps = 1 + below(3); steps > 0; steps--) text = pick(edits)(text);
          const encoded = Buffer.from(text);
          bytes = new Uint8Array(8 + encoded.length + file.length - headerEnd);
          new DataView(bytes.buffer).setBigUint64(0, BigInt(encoded.length), true);
          bytes.set(encoded, 8);
          bytes.set(file.subarray(headerEnd), 8 + encoded.length);
        }
      }
    }
    yield bytes;
  }
}
