import { formatValue } from '../platform/format.ts';
import type { Difference } from '../train/recipes/receipt/differences.ts';
import type { VerifyEvent, VerifyResult } from '../train/recipes/receipt/verify.ts';

/** Shows on standard error how a verification goes. */
export const showVerification = () => (event: VerifyEvent) => {
  if (event.event === 'start') {
    const { from, to, firstStep } = event;
    const start = firstStep === 0 ? 'from the start of the run' : `from checkpoint-${firstStep}`;
    console.error(`replaying steps ${from} to ${to}, ${start}`);
  } else if (event.event === 'hash')
    console.error(`step ${event.step}: ${event.same ? 'the same bits' : 'other weights'}`);
};

const names: Record<Difference['what'], string> = {
  receipt: 'receipt',
  engine: 'engine',
  data: 'data',
  option: 'option',
  vocabulary: 'vocabulary of',
  configuration: 'configuration of the model',
  checkpoint: 'checkpoint',
  model: 'model',
};

/** Prints what a verification has found. */
export function showVerified(result: VerifyResult, adapter: string | undefined): void {
  const { from, to, same, differences, hashes, interrupted } = result;
  for (const { what, name, expected, got } of differences)
    console.log(
      `${names[what]} ${name}: ` +
        (expected === undefined ? got : `expected ${show(expected)}, got ${show(got)}`),
    );
  const other = hashes.find((hash) => !hash.same);
  if (interrupted) console.log('interrupted: nothing is certain');
  else if (hashes.length === 0)
    console.log('not replayed: the run was made of something else than what is here');
  else if (other) {
    console.log(
      `other weights after step ${other.step}: expected ${other.expected}, got ` +
        `${other.got ?? 'none, since the replay ended before'}`,
    );
    if (adapter !== undefined && adapter !== result.adapter)
      console.log(`the run was computed on ${result.adapter}, this on ${adapter}`);
  } else {
    const count = hashes.length === 1 ? 'one hash' : `${hashes.length} hashes`;
    console.log(`steps ${from} to ${to}: the same bits, by ${count}`);
    if (!same) console.log('not all is as the receipt says: see above');
  }
}

const show = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? 'none' : formatValue(value);
