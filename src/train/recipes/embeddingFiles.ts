import { streamSafetensors } from '../../formats/safetensors/file.ts';
import { UsageError } from '../../platform/errors.ts';
import type { EncodedExample } from '../data/batch.ts';
import type { TextInput } from '../pipelines/encode.ts';

/** Texts and their vectors, as they are written to a file. */
export interface Embeddings {
  texts: readonly TextInput[];
  encoded: readonly EncodedExample[];
  /** One for each text: [size], or [tokens, size] row by row for vectors of tokens. */
  vectors: AsyncIterable<Float32Array>;
  size: number;
  /** The tokens of text `i`. */
  tokensOf: (i: number) => string[];
  /** True if each token has a vector. */
  ofTokens: boolean;
}

/**
 * How a file is written, by its extension.
 * @throws UsageError for other extensions than .safetensors, .jsonl and .ndjson.
 */
export function embeddingFormat(out: string): (content: Embeddings) => AsyncIterable<Uint8Array> {
  if (/\.safetensors$/i.test(out)) return safetensors;
  if (/\.(jsonl|ndjson)$/i.test(out)) return jsonLines;
  throw new UsageError(`\`out\`: expected .safetensors or .jsonl as the extension, got ${out}`);
}

/**
 * `embeddings`: [texts, size]; for tokens [all tokens, size], where text i has the rows from
 * `offsets`[i] to before `offsets`[i + 1].
 */
function safetensors({ encoded, vectors, size, ofTokens }: Embeddings): AsyncIterable<Uint8Array> {
  const offsets = [0];
  for (const { inputIds } of encoded)
    offsets.push(offsets.at(-1)! + (ofTokens ? inputIds.length : 1));
  const embeddings = { dtype: 'F32', shape: [offsets.at(-1)!, size], data: () => vectors } as const;
  const index = {
    dtype: 'I32',
    shape: [offsets.length],
    data: async () => Int32Array.from(offsets),
  } as const;
  return streamSafetensors([
    ['embeddings', embeddings],
    ...(ofTokens ? ([['offsets', index]] as const) : []),
  ]);
}

/** A line for each text, with its `embedding`, or its `tokens` and their `embeddings`. */
async function* jsonLines({
  texts,
  vectors,
  size,
  tokensOf,
  ofTokens,
}: Embeddings): AsyncGenerator<Uint8Array> {
  // Nine digits identify a float32.
  const numbers = (vector: Float32Array) =>
    Array.from(vector, (value) => Number(value.toPrecision(9)));
  const encoder = new TextEncoder();
  let i = 0;
  for await (const vector of vectors) {
    const text = texts[i];
    const head = typeof text === 'string' ? { text } : { text: text[0], pair: text[1] };
    const rows = Array.from({ length: vector.length / size }, (_, row) =>
      numbers(vector.subarray(row * size, (row + 1) * size)),
    );
    const features = ofTokens ? { tokens: tokensOf(i), embeddings: rows } : { embedding: rows[0] };
    yield encoder.encode(`${JSON.stringify({ ...head, ...features })}\n`);
    i++;
  }
}
