/**
 * Summarises the samples: the smallest and the median of each cell, their ratios to the reference
 * (the first peer of the run), and a table of them.
 */
import { availableParallelism, cpus } from 'node:os';

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * Everything that is reported, as it is written to peers.json. Times are in milliseconds.
 * @param rows { work, cells: { peer, error, cannot, samples } } for each work
 * @param about version and adapter of each peer
 */
export function summarise(rows, rounds, about) {
  const cells = rows.flatMap((row) => {
    const measured = row.cells.map(({ peer, error, cannot, samples }) => {
      const found = cannot
        ? { smallest: null, median: null }
        : { smallest: Math.min(...samples), median: median(samples) };
      return {
        work: row.work.name,
        peer: peer.name,
        ...found,
        samples,
        error: error ?? null,
        cannot: cannot ?? null,
      };
    });
    const [base] = measured;
    const ratio = (cell, key) => (base[key] && cell[key] ? cell[key] / base[key] : null);
    return measured.map((cell) => ({
      ...cell,
      ratio: ratio(cell, 'smallest'),
      medianRatio: ratio(cell, 'median'),
    }));
  });
  return {
    date: new Date().toISOString().slice(0, 10),
    rounds,
    machine: {
      processor: cpus()[0].model,
      cores: availableParallelism(),
      system: `${process.platform} ${process.arch}`,
      node: process.versions.node,
    },
    peers: [...about].map(([{ name, title, pathTitle, remark }, words]) => ({
      name,
      title,
      path: pathTitle,
      remark,
      ...words,
    })),
    works: rows.map(({ work: { name, title } }) => ({ name, title })),
    cells,
  };
}

/** Three digits. */
export const showTime = (ms) => (ms >= 99.95 ? ms.toFixed(0) : ms.toPrecision(3));

/** Two digits: 0.031×, 0.42×, 1.8×, 12×. */
export const showRatio = (ratio) => `${ratio >= 9.95 ? ratio.toFixed(0) : ratio.toPrecision(2)}×`;

/** The adapter of the first peer on WebGPU that names it. */
export const adapterOf = ({ peers }) =>
  peers.find(({ path, adapter }) => path === 'WebGPU' && adapter)?.adapter ?? 'none';

export function writeTable(summary) {
  const { date, rounds, machine, peers, works, cells } = summary;
  const row = (words) => `| ${words.join(' | ')} |`;
  const head = [
    'work',
    ...peers.map(
      ({ title, path, version }) => `${[title, version].filter(Boolean).join(' ')}<br>${path}`,
    ),
  ];
  const body = works.map(({ name, title }) => [
    title,
    ...peers.map((peer) => showCell(cellOf(cells, name, peer.name))),
  ]);
  return `# Peers

${date}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}. Milliseconds: the smallest, and below it
the median; in brackets the ratio to ${peers[0].title} on ${peers[0].path} in the same run (above
1×: slower). float32, the same inputs for all, each result checked against float64; a sample ends
with one value read back.

${row(head)}
${row(head.map((_, i) => (i === 0 ? '---' : '---:')))}
${body.map(row).join('\n')}

- Adapter: ${adapterOf(summary)}.
- Machine: ${machine.processor}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}.
- BERT: layers × hidden size, and batch × length; it trains as a classifier with Adam.
${notesOf(summary)
  .map((note) => `- ${note}\n`)
  .join('')}`;
}

const cellOf = (cells, work, peer) =>
  cells.find((cell) => cell.work === work && cell.peer === peer);

function showCell({ smallest, median, ratio, medianRatio }) {
  if (smallest === null) return '–';
  const show = (ms, factor) => `${showTime(ms)}${factor === null ? '' : ` (${showRatio(factor)})`}`;
  return `${show(smallest, ratio)}<br>${show(median, medianRatio)}`;
}

/** Remarks on libraries, reasons for dashes, and adapters that differ. */
function notesOf(summary) {
  const { peers, works, cells } = summary;
  const notes = [...new Set(peers.map(({ remark }) => remark).filter(Boolean))];
  for (const { name, title, path, adapter } of peers) {
    const without = cells.filter((cell) => cell.peer === name && cell.cannot);
    for (const reason of new Set(without.map(({ cannot }) => cannot))) {
      const found = without.filter(({ cannot }) => cannot === reason);
      const which = found
        .map(({ work }) => works.find((each) => each.name === work).title)
        .join(', ');
      notes.push(
        `${title}, ${path}: ${found.length === works.length ? '' : `${which}: `}${reason}.`,
      );
    }
    if (path !== 'WebGPU' || cells.every((cell) => cell.peer !== name || cell.cannot)) continue;
    if (!adapter) notes.push(`${title} does not say which adapter it used.`);
    else if (adapter !== adapterOf(summary))
      notes.push(`${title} used another adapter: ${adapter}.`);
  }
  return notes;
}
