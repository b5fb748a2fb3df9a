/**
 * The worker's side of the protocol with run.mjs, the same for every peer. A worker starts with the
 * path as its only argument, sends { ready } when its library is loaded, and then answers requests,
 * one at a time:
 *   { prepare: name }     builds the work once, checks its result and answers { error }, the
 *                         largest difference
 *   { time: name, warm }  answers { ms } of one run, after an untimed one if `warm`
 *   { about }             answers { version, adapter }, once something was prepared
 * An answer { cannot } says why it failed. A worker answers only when its process is idle, because
 * background work would disturb the next sample: V8 continues to compile WebAssembly for a while,
 * and thread pools spin.
 */
import { works } from './works.mjs';

/** The work of training `bert`: `step` does one step and resolves to its loss. */
export function training({ losses: expected }, step) {
  const result = async () => {
    const losses = [];
    while (losses.length < expected.length) losses.push(await step());
    return losses;
  };
  return { run: step, result };
}

/**
 * @param open gets the path and resolves to { about, kinds, cannot }. `about` returns version and
 * adapter. `kinds`: for each kind of work, a function from its inputs to { run, result }. `run`
 * does the work and reads one value back; `result` resolves to the whole result. `cannot`: by kind,
 * why this peer cannot do it.
 */
export async function serve(open) {
  // Comes first: if the parent dies, the worker must end.
  process.on('disconnect', () => process.exit());
  let peer;
  try {
    peer = await open(process.argv[2]);
  } catch (error) {
    process.send({ cannot: wordsOf(error) });
    return;
  }
  const prepared = new Map();
  const answer = ({ about, prepare: name, time: timed, warm }) => {
    if (about) return peer.about();
    return name ? prepare(peer, name, prepared) : time(prepared.get(timed), warm);
  };
  process.on('message', async (request) => {
    const answered = await Promise.resolve(request)
      .then(answer)
      .catch((error) => ({ cannot: wordsOf(error) }));
    await quiet();
    process.send(answered);
  });
  process.send({ ready: true });
}

async function prepare({ kinds, cannot = {} }, name, prepared) {
  const work = works.find((each) => each.name === name);
  if (!kinds[work.kind]) return { cannot: cannot[work.kind] ?? 'no such operation' };
  const inputs = work.inputs();
  const { run, result } = await kinds[work.kind](inputs);
  const error = work.errorOf(inputs, await result());
  if (!(error <= work.tolerance))
    return { cannot: `wrong numbers: ${error.toExponential(1)} away from float64`, error };
  await run();
  prepared.set(name, run);
  return { error };
}

async function time(run, warm) {
  if (warm) await run();
  const started = performance.now();
  await run();
  return { ms: performance.now() - started };
}

/** Waits until the process uses less than a fifth of a core; five minutes at most. */
async function quiet() {
  const milliseconds = 25;
  const end = performance.now() + 300_000;
  for (let used = Infinity; used > milliseconds / 5 && performance.now() < end; ) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    const { user, system } = process.cpuUsage(before);
    used = (user + system) / 1000;
  }
}

function wordsOf(error) {
  if (error?.code === 'ERR_MODULE_NOT_FOUND' || error?.code === 'MODULE_NOT_FOUND') {
    const [, missing = 'a module'] =
      /Cannot find (?:package|module) '([^']+)'/.exec(error.message) ?? [];
    return missing.endsWith('dist/src/index.js')
      ? 'wigbert is not built: run `npm run build` in the root folder'
      : `${missing.replace(/.*node_modules\//, '')} is not installed: run \`npm install\` here`;
  }
  return String(error?.message ?? error)
    .split('\n')[0]
    .slice(0, 300);
}
