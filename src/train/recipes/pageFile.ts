import { ArgumentError, UsageError } from '../../platform/errors.ts';
import { escapeXml } from '../trainer/svg.ts';

/**
 * A page that is one file: a template, built from web/file, with the files of a model in it. Each
 * file is compressed and stands as text in a script element that no browser runs:
 *
 *     <script type="text/plain" data-file="model.safetensors">…</script>
 */

/** Where the files stand in a template. It stays in the page, so that a page can be one again. */
export const FILES_MARK = '<!--files-->';

/** V8 has no longer strings. */
const MAX_LENGTH = 2 ** 29 - 24;

/** Options of `assemblePage`. */
export interface PageFileOptions {
  /** Title and heading of the page. Default: the template's. */
  title?: string;
  /** Language of the page at first. Default: that of the reader's browser. */
  language?: 'en' | 'ko';
}

/**
 * The page, as the text of an HTML file, that holds a model and runs it without a server.
 * @param template the text of `dist/web/file-template.html` in this package
 * @param files the files of a model's folder by name: config.json, model.safetensors, vocab.txt …
 * @returns the text of the page, to be written as UTF-8; about as long as the files
 * @throws ArgumentError for a text that is no template, UsageError for files that are too large for
 * one text (more than about 500 MB).
 * @example
 * const page = await assemblePage(template, await model.files(tokenizer.files()));
 * const link = URL.createObjectURL(new Blob([page], { type: 'text/html' }));
 */
export async function assemblePage(
  template: string,
  files: Readonly<Record<string, Uint8Array>>,
  { title, language }: PageFileOptions = {},
): Promise<string> {
  const [head, tail, ...others] = template.split(FILES_MARK);
  if (tail === undefined || others.length > 0)
    throw new ArgumentError(`template: expected ${FILES_MARK} in it once, got another text`);
  const elements: string[] = [];
  for (const [name, bytes] of Object.entries(files)) elements.push(await fileElement(name, bytes));
  const parts = [withOptions(head, title, language), FILES_MARK, ...elements, tail];
  checkLength(parts.reduce((sum, { length }) => sum + length, 0));
  return parts.join('');
}

/** @throws UsageError for more characters than a text can have. */
function checkLength(length: number): void {
  if (length > MAX_LENGTH)
    throw new UsageError(
      'the model is too large for a page of one file: expected at most about 500 MB; ' +
        'save it in float16, or use a smaller one',
    );
}

function withOptions(head: string, title?: string, language?: string): string {
  const titled =
    title === undefined
      ? head
      : head.replace(/<title>[^<]*<\/title>/, () => `<title>${escapeXml(title)}</title>`);
  return language === undefined
    ? titled
    : titled.replace(/<html[^>]*>/, `<html lang="${language}">`);
}

/**
 * A file as an element of a page.
 * @throws UsageError if it is too large for one text.
 */
export async function fileElement(name: string, bytes: Uint8Array): Promise<string> {
  const packed = await through(new CompressionStream('deflate-raw'), split(name, bytes));
  const text = bytesToText(packed);
  const [begin, end] = [`<script type="text/plain" data-file="${escapeXml(name)}">`, '</script>'];
  checkLength(begin.length + text.length + end.length);
  return begin + text + end;
}

/** The bytes of a file, from the text of its element. */
export async function fileOfElement(name: string, text: string): Promise<Uint8Array> {
  return join(name, await through(new DecompressionStream('deflate-raw'), textToBytes(text)));
}

async function through(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const output = new Blob([bytes as BlobPart]).stream().pipeThrough(stream as never);
  return new Uint8Array(await new Response(output as BodyInit).arrayBuffer());
}

/**
 * Weights compress when the bytes of the same place in their numbers stand together: exponents
 * repeat. Four serves float32 and float16.
 */
const strideOf = (name: string): number => (name.endsWith('.safetensors') ? 4 : 1);

function split(name: string, bytes: Uint8Array): Uint8Array {
  const stride = strideOf(name);
  const planes = new Uint8Array(bytes.length);
  let at = 0;
  for (let place = 0; place < stride; place++)
    for (let i = place; i < bytes.length; i += stride) planes[at++] = bytes[i];
  return planes;
}

function join(name: string, planes: Uint8Array): Uint8Array {
  const stride = strideOf(name);
  const bytes = new Uint8Array(planes.length);
  let at = 0;
  for (let place = 0; place < stride; place++)
    for (let i = place; i < bytes.length; i += stride) bytes[i] = planes[at++];
  return bytes;
}

/** Codes that would not come back: NUL, line ends (they change) and `<` (it may end the script). */
const isUnsafe = (code: number): boolean => code === 0 || code === 10 || code === 13 || code === 60;

/** Added to unsafe codes: they become letters such as Ā, of two bytes in UTF-8. */
const SHIFT = 256;

/**
 * Seven bits a character, most of one byte in UTF-8: 18 % longer than the bytes (base64: 33).
 * @throws UsageError for more bytes than one text can hold.
 */
export function bytesToText(bytes: Uint8Array): string {
  const length = Math.ceil((bytes.length * 8) / 7);
  checkLength(length);
  const codes = new Uint16Array(length);
  let held = 0;
  let bits = 0;
  let at = 0;
  const put = (code: number) => {
    codes[at++] = isUnsafe(code) ? code + SHIFT : code;
  };
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0x7fff;
    bits += 8;
    while (bits >= 7) {
      bits -= 7;
      put((held >> bits) & 127);
    }
  }
  if (bits > 0) put((held << (7 - bits)) & 127);
  return new TextDecoder('utf-16le').decode(codes);
}

/** The bytes of `bytesToText`. */
export function textToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 7) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    held = ((held << 7) | (text.charCodeAt(i) & 127)) & 0x7fff;
    bits += 7;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
  }
  return bytes;
}
