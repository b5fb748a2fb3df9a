/** What the tests run in each of several processes: `node ranks.mjs TASK`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  destroyProcessGroup,
  getRank,
  getWorldSize,
  initProcessGroup,
  processGroup,
} from '../../../dist/src/entries/mpi.js';
import { sumOverRanks } from '../../../dist/src/train/distributed/exchange.js';
import { sumsOfRank } from '../../../dist/src/train/distributed/sumTree.js';

const [task, ...args] = process.argv.slice(2);

/** Sums of three parts whose order matters, in buckets of five elements. */
function sums(reduction) {
  const parts = [1e8, 1, -1e8].map((first) =>
    Float32Array.from({ length: 13 }, (_, i) => first + i / 7),
  );
  const sumsOf = Array.from({ length: getWorldSize() }, (_, rank) =>
    sumsOfRank(3, rank, getWorldSize()),
  );
  const own = sumsOf[getRank()].map(({ first, level }) =>
    level === 0 ? parts[first] : parts[first].map((value, i) => value + parts[first + 1][i]),
  );
  const shape = { length: 13, sumsOf, bucket: 5 };
  return Array.from(sumOverRanks(processGroup(), reduction, own, shape));
}

const tasks = {
  collectives() {
    const group = processGroup();
    const { rank, size } = group;
    const sum = Float32Array.of(1, rank);
    group.allReduce(sum);
    const word = Int32Array.of(10 + rank);
    group.broadcast(word, size - 1);
    group.barrier();
    return {
      size,
      sum: Array.from(sum),
      word: word[0],
      all: Array.from(group.allGather(Uint32Array.of(rank, 7))),
      // Rank r sends r + 1 elements to each.
      sent: Array.from(
        group.allToAll(
          new Float32Array(size * (rank + 1)).fill(rank),
          Array(size).fill(rank + 1),
          Array.from({ length: size }, (_, from) => from + 1),
        ),
      ),
      tree: sums('tree'),
      fast: sums('fast'),
    };
  },
  async train() {
    const { trainAll } = await import('./training.mjs');
    return trainAll();
  },
  async differ() {
    const { trainWith } = await import('./training.mjs');
    await trainWith({
      onStep: ({ step }, model) => {
        if (step !== 2 || getRank() !== 1) return;
        const [, tensor] = model.namedParameters()[3];
        tensor.copy_(new Float32Array(tensor.size).fill(0.5));
      },
    });
  },
  /** Rank 0 works on where the others are done: longer than a call may take. */
  late() {
    processGroup().barrier();
    const end = Date.now() + 5000;
    if (getRank() === 0) while (Date.now() < end);
  },
  async device() {
    const { openCliDevice } = await import('../../../dist/src/cli/openDevice.js');
    process.env.WIGBERT_DEVICE = getRank() === 0 ? 'cpu' : 'wasm';
    return { device: (await openCliDevice('auto', true)).kind };
  },
  hang() {
    const end = Date.now() + 60_000;
    if (getRank() === 1) while (Date.now() < end);
    processGroup().allReduce(new Float32Array(1));
  },
};

await initProcessGroup('mpi', { timeout: Number(args[0] ?? 60) });
const rank = getRank();
const found = await tasks[task]();
writeFileSync(join(process.env.RANKS_FOLDER, `${rank}.json`), JSON.stringify({ rank, ...found }));
destroyProcessGroup();
process.exit(0);
