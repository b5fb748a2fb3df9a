import { ArgumentError } from '../platform/errors.ts';
import { type Described, describe } from './print.ts';
import { formatShape } from './shape.ts';

/** @throws ArgumentError if `gradient` cannot be that of x; `what` begins the message. */
export function checkGradient(what: string, gradient: Described, x: Described): void {
  const isSameShape = formatShape(gradient.shape) === formatShape(x.shape);
  if (isSameShape && gradient.dtype === 'float32' && gradient.device === x.device) return;
  const whose = isSameShape ? '' : ` of shape ${formatShape(x.shape)}`;
  throw new ArgumentError(
    `${what} a gradient${whose || ` in float32 on ${x.device.kind}`}, ` +
      `got ${describe(gradient)}`,
  );
}
