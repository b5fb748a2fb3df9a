import { afterEach, describe, expect, it, vi } from 'vitest';
import { vocab, wigbert, wigbertHere } from '../support/cli.ts';
import { hasMpi } from '../train/distributed/mpi.ts';

afterEach(() => vi.unstubAllEnvs());
const training = ['train', 'no-such.tsv', '--vocab', vocab, '--device', 'cpu'];

describe('a command that a launcher started', () => {
  it.each([
    ['1', /no-such\.tsv/],
    ['4', /expected a number of seconds above 0, got NaN/],
  ])('joins the others if there are any (of %s)', async (size, message) => {
    vi.stubEnv('PMI_SIZE', size);
    vi.stubEnv('WIGBERT_RANK_TIMEOUT', 'none');
    const { status, stderr } = await wigbertHere(training);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  it.skipIf(!hasMpi)('ends if its MPI library does not know the others', () => {
    vi.stubEnv('PMI_SIZE', '4');
    const { status, stderr } = wigbert(training);
    expect(stderr).toContain(
      'wigbert: the launcher started 4 processes, but the MPI library found knows of 1: ' +
        'start them with the launcher of that library',
    );
    expect(status).toBe(2);
  });
});
