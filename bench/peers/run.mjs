/**
 * Times every work on every peer, interleaved (round by round, work by work, one sample of each
 * peer), so that other load on the machine affects all of them. Writes a table, a picture and raw
 * numbers. Exit code 2 for wrong usage, 1 if nothing could be measured.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.mjs';
import { help, readOptions, UsageError } from './options.mjs';
import { drawPicture } from './picture.mjs';
import { showTime, summarise, writeTable } from './report.mjs';

/**
 * Runs below this many milliseconds follow an untimed run, because other peers emptied the caches.
 */
const QUICK = 300;

const say = (line) => console.error(line);

async function main() {
  const { help: wantsHelp, rounds, works, peers, out } = readOptions(process.argv.slice(2));
  if (wantsHelp) {
    console.log(help);
    return;
  }
  const children = new Map();
  try {
    for (const peer of peers) children.set(peer, await start(peer));
    const rows = [];
    for (const work of works) rows.push({ work, cells: await prepare(work, children) });
    for (let round = 1; round <= rounds; round++) {
      for (const row of rows) await measure(row, children, `round ${round} of ${rounds}`);
    }
    const summary = summarise(rows, rounds, await aboutPeers(children));
    if (summary.cells.every(({ smallest }) => smallest === null))
      throw new Error('nothing could be measured');
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'peers.json'), `${JSON.stringify(summary, null, 1)}\n`);
    writeFileSync(join(out, 'peers.md'), writeTable(summary));
    if (peers.length > 1) writeFileSync(join(out, 'peers.svg'), await drawPicture(summary));
    say(`wrote peers.md, peers.json${peers.length > 1 ? ' and peers.svg' : ''} to ${out}`);
  } finally {
    for (const child of children.values()) child.stop();
  }
}

async function start(peer) {
  const child = new Child(peer);
  const { cannot } = await child.start();
  if (cannot) say(`${peer.name}: ${cannot}`);
  return child;
}

/** Prepares and checks a work on every peer, one after another. @returns a cell for each. */
async function prepare(work, children) {
  say(`preparing and checking ${work.name}`);
  const cells = [];
  for (const [peer, child] of children) {
    const before = child.failed;
    const { error, cannot } =
      work.isLarge && !peer.isFast
        ? { cannot: 'not tried: it would take long' }
        : await child.ask({ prepare: work.name });
    if (cannot && !before) say(`  ${peer.name}: ${cannot}`);
    cells.push({ peer, error, cannot, samples: [] });
  }
  return cells;
}

/** Takes one sample of a work on every peer that can do it. */
async function measure({ work, cells }, children, title) {
  const words = [];
  for (const cell of cells.filter(({ cannot }) => !cannot)) {
    const warm = !(cell.samples.at(-1) > QUICK);
    const { ms, cannot } = await children.get(cell.peer).ask({ time: work.name, warm });
    cell.cannot = cannot;
    if (!cannot) cell.samples.push(ms);
    words.push(`${cell.peer.name} ${cannot ?? showTime(ms)}`);
  }
  say(`${title}, ${work.name}, ms: ${words.join(', ')}`);
}

/** Version and adapter of each peer that runs. */
async function aboutPeers(children) {
  const about = new Map();
  for (const [peer, child] of children) {
    const { version, adapter } = await child.ask({ about: true });
    about.set(peer, { version, adapter });
  }
  return about;
}

main().catch((error) => {
  say(
    error instanceof UsageError
      ? `${error.message} (--help lists the options)`
      : (error.stack ?? error),
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
