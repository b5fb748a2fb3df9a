/** The options of the command line. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { peers } from './peers.mjs';
import { works } from './works.mjs';

export class UsageError extends Error {}

const namesOf = (all) => all.map(({ name }) => name).join(' ');

export const help = `npm start -- [options]
  --rounds N      samples of each work on each peer (5)
  --only WORKS    only these, with commas between: ${namesOf(works)}
  --peers NAMES   only these, with commas between: ${namesOf(peers)}
  --out FOLDER    where peers.md, peers.svg and peers.json are written (results)
  --help
The beginning of a name, up to a dash, selects all names that begin with it:
--only matmul,train --peers wigbert,ort-node`;

/** @throws UsageError for an unknown option or a value out of range. */
export function readOptions(args) {
  const text = { type: 'string' };
  let values;
  try {
    const options = { rounds: text, only: text, peers: text, out: text, help: { type: 'boolean' } };
    ({ values } = parseArgs({ args, options }));
  } catch (error) {
    throw new UsageError(error.message.split('. To specify')[0]);
  }
  const rounds = Number(values.rounds ?? 5);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new UsageError(
      `--rounds: expected a whole number >= 1, got ${JSON.stringify(values.rounds)}`,
    );
  }
  return {
    help: values.help ?? false,
    rounds,
    works: choose('--only', works, values.only),
    peers: choose('--peers', peers, values.peers),
    out: values.out ?? fileURLToPath(new URL('results', import.meta.url)),
  };
}

/** The elements of `all` selected by comma-separated names or beginnings; all of them without. */
function choose(option, all, given) {
  if (given === undefined) return all;
  const begins = (name, { name: whole }) => whole === name || whole.startsWith(`${name}-`);
  const names = given.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !all.some((each) => begins(name, each)));
  if (unknown !== undefined)
    throw new UsageError(
      `${option}: expected names among ${namesOf(all)}, got ${JSON.stringify(unknown)}`,
    );
  return all.filter((each) => names.some((name) => begins(name, each)));
}
