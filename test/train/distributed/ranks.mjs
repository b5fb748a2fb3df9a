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
  const into = own[0] ?? new Float32Array(13);
  sumOverRanks(processGroup(), own, into, { reduction, sumsOf, bucket: 5 });
  return Array.from(into);
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
    // Rank r sends r + 1 elements to each; it has those of its own number of a shared array.
    const counts = Array.from({ length: size }, (_, from) => from + 1);
    const sent = new Float32Array(counts.reduce((sum, n) => sum + n) - counts[rank]);
    group.allToAll(
      new Float32Array(size * counts[rank]).fill(rank),
      Array(size).fill(counts[rank]),
      counts.with(rank, 0),
      sent,
    );
    const filled = Float32Array.from(
      counts.flatMap((n, from) => Array(n).fill(from === rank ? rank : -1)),
    );
    group.fillIn(filled, counts);
    return {
      size,
      sum: Array.from(sum),
      word: word[0],
      all: Array.from(group.allGather(Uint32Array.of(rank, 7))),
      sent: Array.from(sent),
      filled: Array.from(filled),
      tree: sums('tree'),
      fast: sums('fast'),
    };
  },
  async train() {
    const { trainAll } = await import('./training.mjs');
    return trainAll(true);
  },
  /** Gradients of the model that torch's DistributedDataParallel has in test/golden/data/ddp. */
  async gradients() {
    const { gradientsOf } = await import('./gradients.mjs');
    const gradients = {};
    for (const device of ['cpu', 'wasm'])
      for (const reduction of ['tree', 'fast'])
        gradients[`${device} ${reduction}`] = await gradientsOf(device, reduction);
    return { gradients };
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
