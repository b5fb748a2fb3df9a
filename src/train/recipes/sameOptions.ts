import { UsageError } from '../../platform/errors.ts';

/** Options that say where a run is, not what it does. */
const FREE = ['out', 'overwrite', 'resume'];

/**
 * Checks what is given beside `resume: 'auto'` when there is a run to continue.
 * @param begun the options that it began with, defaults included
 * @throws UsageError naming the first option that differs.
 */
export function checkSameOptions(given: { out: string }, begun: object): void {
  for (const [name, value] of Object.entries(given)) {
    if (FREE.includes(name) || value === undefined) continue;
    if (name === 'batchSize' && value === 'auto') continue;
    const then: unknown = (begun as Record<string, unknown>)[name];
    if (listOf(value) === listOf(then)) continue;
    throw new UsageError(
      `\`${name}\`: expected ${show(then)}, with which ${given.out} was begun, ` +
        `got ${show(value)}; leave it out to continue, or choose another \`out\``,
    );
  }
}

/** As JSON keeps it; one file is a list of one. */
const listOf = (value: unknown): string => JSON.stringify([value].flat());

const show = (value: unknown): string =>
  value === undefined ? 'it not to be given' : JSON.stringify(value);
