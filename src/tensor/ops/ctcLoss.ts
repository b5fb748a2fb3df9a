import { ArgumentError } from '../../platform/errors.ts';
import { full, tensor } from '../create.ts';
import { operation } from '../operation.ts';
import { formatShape, requireWhole } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { add, clamp, div, eq, gt, lt, maskedFill, neg, where } from './elementwise.ts';
import { gather } from './embedding.ts';
import { cat, pad, split, stack } from './joins.ts';
import { logicalOr } from './logical.ts';
import { checkReduction, type Reduction } from './loss.ts';
import { logsumexp, mean, sum } from './reduce.ts';
import { expand, reshape, select, slice, unsqueeze } from './views.ts';

/** Options of `ctcLoss`. */
export interface CtcLossOptions {
  /** The class that stands for no label. Default: 0. */
  blank?: number;
  /** The mean divides each loss by the length of its targets first. Default: mean. */
  reduction?: Reduction;
  /** Whether losses of targets that are too long for their input are 0. Default: false. */
  zeroInfinity?: boolean;
}

/** The logarithm of a probability of 0: finite, so that gradients are. */
const NEVER = -1e30;

/**
 * Connectionist temporal classification (Graves et al. 2006), PyTorch's `ctc_loss`: minus the log
 * of the probability that the classes over time, without repetitions and blanks, are the targets.
 * logProbs: [time, batch, classes] or [time, classes], from `logSoftmax`; targets (int32): [batch,
 * length], or all one after another; `inputLengths` and `targetLengths`: a number for each element
 * of the batch. The gradient is that of the formula, with respect to the log-probabilities.
 * @throws ArgumentError if shapes or lengths do not fit.
 * @example
 * const logProbs = randn(50, 8, 20).logSoftmax(2);
 * ctcLoss(logProbs, targets, Array(8).fill(50), [12, 9, 7, 12, 11, 8, 10, 9]);
 */
export const ctcLoss = operation(
  'ctcLoss',
  2,
  (
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: number | readonly number[],
    targetLengths: number | readonly number[],
    options: CtcLossOptions = {},
  ): Tensor => {
    const { reduction = 'mean', zeroInfinity = false } = options;
    checkReduction(reduction);
    const isBatch = logProbs.ndim === 3;
    const batch = isBatch ? logProbs : unsqueeze(logProbs, 1);
    const lengths = (of: number | readonly number[]) => (typeof of === 'number' ? [of] : of);
    const [inputs, labels] = [lengths(inputLengths), lengths(targetLengths)];
    checkArguments(logProbs, batch, targets, inputs, labels, options);
    const losses = sequenceLosses(batch, padded(targets, labels), inputs, labels, options);
    const isNever = gt(losses.detach(), -NEVER / 2);
    const finite = maskedFill(losses, isNever, zeroInfinity ? 0 : Number.POSITIVE_INFINITY);
    if (reduction === 'sum') return sum(finite);
    if (reduction === 'none') return isBatch ? finite : reshape(finite, []);
    const sizes = Float32Array.from(labels, (n) => Math.max(1, n));
    return mean(div(finite, tensor(sizes, { device: logProbs.device })));
  },
  ['blank', 'reduction', 'zeroInfinity'],
);

function checkArguments(
  given: Tensor,
  { shape: [time, size, classes] }: Tensor,
  targets: Tensor,
  inputs: readonly number[],
  labels: readonly number[],
  { blank = 0 }: CtcLossOptions,
): void {
  const error = (what: string, got: string | number) =>
    new ArgumentError(`ctcLoss: expected ${what}, got ${got}`);
  if (given.ndim < 2 || given.ndim > 3 || given.size === 0)
    throw error('log-probabilities [time, batch, classes]', formatShape(given.shape));
  if (targets.dtype === 'float32') throw error('targets of int32', targets.dtype);
  requireWhole([...inputs, ...labels, blank], 'ctcLoss', 'lengths and `blank`');
  if (inputs.length !== size || labels.length !== size)
    throw error(`${size} lengths each`, `${inputs.length} and ${labels.length}`);
  if (inputs.some((n) => n < 1 || n > time))
    throw error(`\`inputLengths\` from 1 to ${time}`, formatShape(inputs));
  if (blank < 0 || blank >= classes) throw error(`\`blank\` from 0 to ${classes - 1}`, blank);
  const total = labels.reduce((a, b) => a + b, 0);
  const longest = Math.max(...labels);
  const fits =
    targets.ndim === 2
      ? targets.shape[0] === size && longest <= targets.shape[1]
      : targets.ndim === 1 && targets.size === total;
  if (!fits || labels.some((n) => n < 0))
    throw error(
      `targets [${size}, ${longest} or more] or [${total}] for the \`targetLengths\` ` +
        formatShape(labels),
      formatShape(targets.shape),
    );
}

/** Targets as [batch, length]. */
function padded(targets: Tensor, lengths: readonly number[]): Tensor {
  if (targets.ndim === 2) return targets;
  const longest = Math.max(...lengths);
  return stack(split(targets, lengths).map((row) => pad(row, [0, longest - row.size])));
}

/** The forward variables of Graves et al., §4.1, in logarithms; → the loss of each sequence. */
function sequenceLosses(
  logProbs: Tensor,
  targets: Tensor,
  inputs: readonly number[],
  labels: readonly number[],
  { blank = 0 }: CtcLossOptions,
): Tensor {
  const [time, batch] = logProbs.shape;
  const { device } = logProbs;
  const perBatch = (values: readonly number[]) =>
    tensor(Int32Array.from(values), { shape: [batch, 1], device });
  const states = withBlanks(targets, blank);
  const width = states.shape[1];
  const emitted = gather(logProbs, 2, expand(unsqueeze(states, 0), [time, batch, width]));
  // A state follows that of two before it, unless both are the same label or blanks.
  const before = pad(
    slice(states, [null, [0, Math.max(0, width - 2)]]),
    [Math.min(2, width), 0],
    blank,
  );
  const isSame = logicalOr(eq(states, before), eq(states, blank));
  const isStart = lt(
    tensor(
      Int32Array.from({ length: width }, (_, s) => s),
      { device },
    ),
    2,
  );
  let alpha = where(isStart, select(emitted, 0, 0), NEVER);
  const lasts = perBatch(inputs);
  for (let step = 1; step < time; step++) {
    const back = (by: number) => slice(pad(alpha, [by, 0], NEVER), [null, [0, width]]);
    const reached = logsumexp(stack([alpha, back(1), maskedFill(back(2), isSame, NEVER)]), 0);
    const next = clamp(add(reached, select(emitted, 0, step)), NEVER);
    alpha = where(gt(lasts, step), next, alpha);
  }
  const ends = perBatch(labels.map((n) => 2 * n));
  const atBlank = gather(alpha, 1, ends);
  // Without targets, the blank is the only end.
  const atLabel = gather(alpha, 1, perBatch(labels.map((n) => Math.max(0, 2 * n - 1))));
  const reachable = where(eq(ends, 0), NEVER, atLabel);
  return neg(logsumexp(cat([atBlank, reachable], 1), 1));
}

/** Labels [batch, length] with blanks around them: [batch, 2 · length + 1]. */
function withBlanks(targets: Tensor, blank: number): Tensor {
  const [batch, length] = targets.shape;
  const blanks = full([batch, length], blank, { dtype: 'int32', device: targets.device });
  const pairs = reshape(stack([blanks, targets], 2), [batch, 2 * length]);
  return pad(pairs, [0, 1], blank);
}
