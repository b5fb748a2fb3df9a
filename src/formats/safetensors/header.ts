import { formatValue, isObject } from '../../platform/format.ts';
import {
  byteSize,
  isDtype,
  isIndexArray,
  rejectTensor,
  type SafetensorsDtype,
  SafetensorsError,
} from './dtypes.ts';

/**
 * The head of a safetensors file: 8 bytes with the length of the header (little-endian), then the
 * header in JSON. Everything that the format forbids is refused here, from the head and the size of
 * the file alone: claims of the header never decide how much memory is allocated.
 * https://github.com/huggingface/safetensors#format
 */

export const maxHeaderBytes = 100_000_000;
/** Our own limit, far above any model: ten million keys take JavaScript minutes. */
const maxKeys = 1_000_000;

/** A tensor in its file: its bytes are `[begin, end)`, counted from the start of the file. */
export interface StoredTensor {
  dtype: SafetensorsDtype;
  shape: number[];
  begin: number;
  end: number;
}

/** Content of the header; tensors are in the order of their bytes. */
export interface SafetensorsHeader {
  tensors: Map<string, StoredTensor>;
  metadata: Record<string, string>;
}

/**
 * The offset at which the tensors of a file begin, from its first 8 bytes.
 * @throws SafetensorsError when the header is over 100 MB, or longer than the file.
 */
export function dataOffset(first8: Uint8Array, fileSize: number): number {
  if (fileSize < 8)
    throw new SafetensorsError(`a safetensors file: expected at least 8 bytes, got ${fileSize}`);
  const length = new DataView(first8.buffer, first8.byteOffset, 8).getBigUint64(0, true);
  if (length > maxHeaderBytes)
    throw new SafetensorsError(
      `length of the header: expected at most ${maxHeaderBytes} bytes, got ${length}`,
    );
  if (Number(length) > fileSize - 8)
    throw new SafetensorsError(
      `length of the header: expected at most the ${fileSize - 8} bytes that follow, got ${length}`,
    );
  return 8 + Number(length);
}

/**
 * Parses the head of a file: its bytes before `dataOffset`.
 * @throws SafetensorsError for anything the format does not allow, naming the tensor.
 */
export function parseHeader(head: Uint8Array, fileSize: number): SafetensorsHeader {
  const dataLength = fileSize - head.length;
  let metadata: Record<string, string> = {};
  const entries: [string, StoredTensor][] = [];
  for (const [name, value] of Object.entries(parseJson(head.subarray(8)))) {
    if (name === '__metadata__') metadata = checkMetadata(value);
    else entries.push([name, checkEntry(name, value)]);
  }
  entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);

  let offset = 0;
  for (const [name, tensor] of entries) {
    const { begin, end } = tensor;
    if (begin !== offset)
      rejectTensor(
        name,
        `expected to begin at byte ${offset}, got ${begin}: tensors may not overlap or leave a gap`,
      );
    if (end > dataLength)
      rejectTensor(
        name,
        `ends at byte ${end}, but the file has ${dataLength} bytes of data: it is truncated`,
      );
    tensor.begin += head.length;
    tensor.end += head.length;
    offset = end;
  }
  if (offset !== dataLength)
    throw new SafetensorsError(
      `the file has ${dataLength} bytes of data, but its header describes ${offset} of them`,
    );
  return { tensors: new Map(entries), metadata };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw new SafetensorsError('the header does not begin with {');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    checkStrictJson(text);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SafetensorsError) throw error;
    throw new SafetensorsError('the header is not valid JSON in UTF-8');
  }
}

/**
 * Refuses what `JSON.parse` accepts and the format does not: equal keys (the last one would win),
 * numbers other than plain digits (1.0, 1e3, -0), unpaired surrogates, and any other nesting, which
 * could exhaust memory.
 */
function checkStrictJson(text: string): void {
  const structure = new HeaderStructure();
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const end = endOfString(text, i);
      const string = checkedString(text.slice(i, end + 1));
      if (isFollowedByColon(text, end + 1)) structure.addKey(string);
      i = end;
    } else if (char === '{' || char === '[') structure.open(char);
    else if (char === '}' || char === ']') structure.close(char);
    else if (isNumberSyntax(char, text[i - 1]))
      throw new SafetensorsError('the header: expected integers in plain digits');
  }
}

/** The nesting of the header and the keys of its open objects. */
class HeaderStructure {
  readonly #keys: Set<string>[] = [];
  #depth = 0;
  #count = 0;

  open(bracket: '{' | '['): void {
    this.#depth++;
    if (bracket === '{' ? this.#depth > 2 : this.#depth !== 3)
      throw new SafetensorsError('the header: expected an object of objects of lists');
    if (bracket === '{') this.#keys.push(new Set());
  }

  close(bracket: '}' | ']'): void {
    this.#depth--;
    if (bracket === '}') this.#keys.pop();
  }

  addKey(key: string): void {
    const keys = this.#keys.at(-1);
    if (keys?.has(key))
      throw new SafetensorsError(`the header has the key ${formatValue(key)} twice`);
    keys?.add(key);
    if (++this.#count > maxKeys)
      throw new SafetensorsError(`the header: expected at most ${maxKeys} keys, got more`);
  }
}

/** The index of the quote that closes the string at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}

/** The value of a JSON string, whose UTF-8 was valid: only an escape can make a lone surrogate. */
function checkedString(json: string): string {
  if (!json.includes('\\')) return json.slice(1, -1);
  const string: string = JSON.parse(json);
  if (/\p{Surrogate}/u.test(string))
    throw new SafetensorsError(
      `the header has the string ${formatValue(string)}, which is not valid Unicode`,
    );
  return string;
}

function isFollowedByColon(text: string, start: number): boolean {
  let i = start;
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++;
  return text[i] === ':';
}

/** Whether a character outside strings makes a number other than plain digits. */
const isNumberSyntax = (char: string, previous: string): boolean =>
  char === '-' || char === '.' || ((char === 'e' || char === 'E') && /\d/.test(previous));

function checkMetadata(value: unknown): Record<string, string> {
  if (!isObject(value))
    throw new SafetensorsError(
      `__metadata__: expected an object of strings, got ${formatValue(value)}`,
    );
  for (const [key, text] of Object.entries(value))
    if (typeof text !== 'string')
      throw new SafetensorsError(
        `__metadata__ ${formatValue(key)}: expected a string, got ${formatValue(text)}`,
      );
  return value as Record<string, string>;
}

/** Checks the entry of a tensor. Offsets in the header count from the first tensor. */
function checkEntry(name: string, value: unknown): StoredTensor {
  if (!isObject(value)) rejectTensor(name, `expected an object, got ${formatValue(value)}`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) rejectTensor(name, `unknown dtype ${formatValue(dtype)}`);
  if (!isIndexArray(shape))
    rejectTensor(name, `shape: expected a list of integers ≥ 0, got ${formatValue(shape)}`);
  if (!isIndexArray(offsets) || offsets.length !== 2 || offsets[1] < offsets[0])
    rejectTensor(name, `data_offsets: expected [begin, end], got ${formatValue(offsets)}`);
  const [begin, end] = offsets;
  const size = byteSize(name, dtype, shape);
  if (end - begin !== size)
    rejectTensor(
      name,
      `expected ${size} bytes for shape ${formatValue(shape)} of ${dtype}, got ${end - begin}`,
    );
  return { dtype, shape, begin, end };
}
