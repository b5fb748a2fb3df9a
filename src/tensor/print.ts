import type { Device } from '../device/device.ts';
import type { DType } from './elements.ts';
import { formatShape, product, type Shape } from './shape.ts';

/** How tensors are shown: as PyTorch prints them. */

/** A tensor, as far as its description goes. */
export interface Described {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly device: Device;
  readonly requiresGrad?: boolean;
}

const attributes = ({ shape, dtype, device, requiresGrad }: Described): string =>
  `shape=${formatShape(shape)}, dtype=${dtype}, device=${device.kind}` +
  (requiresGrad ? ', requiresGrad=true' : '');

/** A tensor in a message: without its values. */
export const describe = ({ shape, dtype, device }: Described): string =>
  `Tensor(${attributes({ shape, dtype, device })})`;

/** More elements than this are shown by the first and last of each dimension. */
const THRESHOLD = 1000;
const EDGE_ITEMS = 3;
const LINE_WIDTH = 80;
const PREFIX = 'tensor(';

/** A tensor with its values, or with `hint` where they are not known. */
export function formatTensor(
  tensor: Described,
  values: ArrayLike<number> | undefined,
  hint = '',
): string {
  if (!values) return `${PREFIX}..., ${attributes(tensor)})${hint}`;
  return `${PREFIX}${formatValues(tensor, values)}, ${attributes(tensor)})`;
}

function formatValues({ shape, dtype }: Described, values: ArrayLike<number>): string {
  if (product(shape) === 0) return '[]';
  const isShortened = product(shape) > THRESHOLD;
  const shownAlong = shape.map((n) =>
    isShortened && n > 2 * EDGE_ITEMS
      ? [0, 1, 2, undefined, n - 3, n - 2, n - 1]
      : Array.from({ length: n }, (_, i) => i),
  );
  const shown: number[] = [];
  const collect = (d: number, at: number): void => {
    if (d === shape.length) shown.push(values[at]);
    else for (const i of shownAlong[d]) if (i !== undefined) collect(d + 1, at * shape[d] + i);
  };
  collect(0, 0);
  const texts = formatNumbers(shown, dtype);
  let next = 0;
  const nest = (d: number, indent: number): string => {
    if (d === shape.length) return texts[next++];
    const isLast = d === shape.length - 1;
    const gapText = isLast ? ' ...' : '...';
    const parts = shownAlong[d].map((i) => (i === undefined ? gapText : nest(d + 1, indent + 1)));
    if (isLast) return `[${wrap(parts, indent + 1)}]`;
    const gap = `,${'\n'.repeat(shape.length - 1 - d)}${' '.repeat(indent + 1)}`;
    return `[${parts.join(gap)}]`;
  };
  return nest(0, PREFIX.length);
}

/** Numbers in lines of limited width. */
function wrap(parts: readonly string[], indent: number): string {
  const width = Math.max(...parts.map((part) => part.length)) + 2;
  const perLine = Math.max(1, Math.floor((LINE_WIDTH - indent) / width));
  const lines: string[] = [];
  for (let i = 0; i < parts.length; i += perLine)
    lines.push(parts.slice(i, i + perLine).join(', '));
  return lines.join(`,\n${' '.repeat(indent)}`);
}

/** Numbers in one format and of one width. */
function formatNumbers(values: readonly number[], dtype: DType): string[] {
  const format =
    dtype === 'bool'
      ? (value: number) => String(value !== 0)
      : dtype === 'int32'
        ? String
        : floatFormat(values);
  const texts = values.map(format);
  const width = Math.max(...texts.map((text) => text.length));
  return texts.map((text) => text.padStart(width));
}

/** Four decimals; whole numbers without; powers of ten where sizes differ by much. */
function floatFormat(values: readonly number[]): (value: number) => string {
  const sizes = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const isWhole = sizes.every(Number.isInteger);
  const isScientific =
    sizes.length > 0 && (most / least > 1000 || most > 1e8 || (!isWhole && least < 1e-4));
  return (value) => {
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    if (isScientific) return value.toExponential(4).replace(/e([+-])(\d)$/, 'e$10$2');
    return isWhole ? `${value.toFixed(0)}.` : value.toFixed(4);
  };
}
