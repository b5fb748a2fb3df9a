import { main, repeat } from '../../device/kernel.ts';
import { LOWEST } from '../kit/perRow.ts';
import { headAndTile } from './shape.ts';

/**
 * Attention for software adapters with subgroups of 8, where a load costs as much as ten multiply-adds, barriers more, and
 * each load in the text takes long to compile: one subgroup a workgroup, no shared memory. A lane owns ROWS rows (of
 * queries, or of keys) and keeps them and their sums in registers. The other side's rows come one after the other: the
 * lanes load a row's vec4s together, once, and all of them use it by broadcast.
 */
const ROWS = 2;
export const LANES = 8;
export const LANE_TILE = ROWS * LANES;

interface LaneConstants {
  /** vec4s of a row. */
  vectors: number;
  dropout: boolean;
  causal: boolean;
}

const rows = (line: (r: number) => string): string => repeat(ROWS, line);

/** The rows that the lane owns; those past the end are read as the last one and not stored. */
const ownRows = (count: string): string =>
  rows(
    (r) =>
      `  let row${r} = first + ${r * LANES}u + lane;\n  let read${r} = min(row${r}, ${count} - 1u);`,
  );

/** Registers `name{r}_{d}` for vec4 d of a sum. */
const sums = (vectors: number, name: string): string =>
  rows((r) => repeat(vectors, (d) => `  var ${name}${r}_${d} = V(0.0);`));

/**
 * Registers `name{r}_{d}` with vec4 d of an own row, read by `at(r)`. They are filled from an array that a loop fills, of a
 * length that the compiler does not know: one load in the text instead of one for each vec4.
 */
const loadOwn = (vectors: number, name: string, at: (r: number) => string): string =>
  rows(
    (r) => `  var ${name}Row${r}: array<V, ${vectors}>;
  for (var d = 0u; d < p.size / 4u; d++) { ${name}Row${r}[d] = ${at(r)}; }
${repeat(vectors, (d) => `  let ${name}${r}_${d} = ${name}Row${r}[${d}];`)}`,
  );

/** Stores registers, each times `factor(r)`, at `at(r)`, for rows before `count`: from an array, as `loadOwn`. */
const storeOwn = (
  vectors: number,
  name: string,
  at: (r: number) => string,
  count: string,
  factor = (_: number) => '1.0',
): string =>
  rows(
    (r) => `  var ${name}Row${r}: array<V, ${vectors}>;
${repeat(vectors, (d) => `  ${name}Row${r}[${d}] = ${name}${r}_${d} * ${factor(r)};`)}
  if (row${r} < ${count}) {
    for (var d = 0u; d < p.size / 4u; d++) { ${at(r)} = ${name}Row${r}[d]; }
  }`,
  );

/**
 * One row that all lanes need, times `factor`: lane l loads its vec4s l, l + 8, … The factor must be here, not on own rows:
 * a product is broadcast as it is, a load only after its lane was found to be active, each of its vec4s anew.
 */
const loadTogether = (
  vectors: number,
  name: string,
  from: string,
  start: string,
  factor: string,
): string =>
  repeat(
    Math.ceil(vectors / LANES),
    (c) =>
      `      let ${name}${c} = ${from}[${start} + min(${c * LANES}u + lane, ${vectors - 1}u)] * ${factor};`,
  );

/** For each vec4 of a row loaded together, as `x`: what `use` does with it for each own row. */
const useTogether = (
  vectors: number,
  name: string,
  use: (d: number, r: number) => string,
): string =>
  repeat(
    vectors,
    (d) => `      { let x = subgroupBroadcast(${name}${Math.floor(d / LANES)}, ${d % LANES}u);
${rows((r) => `        ${use(d, r)}`)} }`,
  );

/** The word of `kept` that holds the bit of own query row r and a key. */
const keptWord = (r: number, key: string): string =>
  `kept[keptStart + read${r} * ((p.keys + 31u) / 32u) + ${key} / 32u]`;

/** The end of the keys that any of the own query rows sees. */
const keyEnd = (causal: boolean): string =>
  causal ? `min(p.keys, first + ${LANE_TILE}u)` : 'p.keys';
/** A probability, 0 where the query comes before the key. */
const ifSeen = (causal: boolean, seen: string, prob: string): string =>
  causal ? `select(0.0, ${prob}, ${seen})` : prob;

export const forwardLanes = ({ vectors, dropout, causal }: LaneConstants): string =>
  main(
    LANES,
    `${headAndTile('p.length', LANE_TILE)}
${ownRows('p.length')}
${loadOwn(vectors, 'q', (r) => `q[qStart + read${r} * qStep + d]`)}
${sums(vectors, 'y')}
${rows((r) => `  var top${r} = ${LOWEST};\n  var total${r} = 0.0;`)}
  let four = vec4<u32>(0u, 1u, 2u, 3u);
  for (var c = 0u; c < ${keyEnd(causal)}; c += 4u) {
${rows((r) => `    var scores${r} = V(0.0);`)}
    for (var j = 0u; j < 4u; j++) {
      let key = min(c + j, p.keys - 1u);
      let bias = mask[maskStart + key];
${loadTogether(vectors, 'k', 'k', 'kStart + key * kStep', 'p.scale')}
${rows((r) => `      var score${r} = V(0.0);`)}
${useTogether(vectors, 'k', (d, r) => `score${r} += q${r}_${d} * x;`)}
${rows((r) => `      scores${r} = select(scores${r}, V(hsum(score${r}) + bias), four == vec4<u32>(j));`)}
    }
${rows(
  (
    r,
  ) => `    let inside${r} = c + four < vec4<u32>(${causal ? `min(p.keys, row${r} + 1u)` : 'p.keys'});
${causal ? `    scores${r} = select(V(${LOWEST}), scores${r}, inside${r});` : ''}
    let high${r} = max(top${r}, hmax(scores${r}));
    let shrink${r} = exp(top${r} - high${r});
    top${r} = high${r};
    var weights${r} = select(V(0.0), exp(scores${r} - high${r}), inside${r});
    total${r} = total${r} * shrink${r} + hsum(weights${r});
${dropout ? `    weights${r} = select(V(0.0), weights${r}, ((vec4<u32>(${keptWord(r, 'c')}) >> (c % 32u + four)) & vec4<u32>(1u)) == vec4<u32>(1u));` : ''}
${repeat(vectors, (d) => `    y${r}_${d} *= shrink${r};`)}`,
)}
    for (var j = 0u; j < 4u; j++) {
      let key = min(c + j, p.keys - 1u);
${loadTogether(vectors, 'v', 'v', 'vStart + key * vStep', 'p.keepScale')}
${rows((r) => `      let weight${r} = weights${r}[j];`)}
${useTogether(vectors, 'v', (d, r) => `y${r}_${d} += weight${r} * x;`)}
    }
  }
${rows((r) => `  let at${r} = (b * p.length + read${r}) * p.heads + h;`)}
${rows((r) => `  if (row${r} < p.length) { stats[at${r} * 2u] = top${r}; stats[at${r} * 2u + 1u] = total${r}; }`)}
${storeOwn(
  vectors,
  'y',
  (r) => `y[at${r} * ${vectors}u + d]`,
  'p.length',
  (r) => `(1.0 / total${r})`,
)}`,
  );

export const queryGradientLanes = ({ vectors, dropout, causal }: LaneConstants): string =>
  main(
    LANES,
    `${headAndTile('p.length', LANE_TILE)}
${ownRows('p.length')}
${rows((r) => `  let at${r} = (b * p.length + read${r}) * p.heads + h;\n  let term${r} = terms[at${r}];`)}
${loadOwn(vectors, 'q', (r) => `q[qStart + read${r} * qStep + d]`)}
${loadOwn(vectors, 'dy', (r) => `dy[at${r} * ${vectors}u + d]`)}
${sums(vectors, 'dq')}
${dropout ? rows((r) => `  var word${r} = 0u;`) : ''}
  for (var key = 0u; key < ${keyEnd(causal)}; key++) {
      let bias = mask[maskStart + key];
${dropout ? `      if (key % 32u == 0u) {\n${rows((r) => `        word${r} = ${keptWord(r, 'key')};`)}\n      }` : ''}
${loadTogether(vectors, 'k', 'k', 'kStart + key * kStep', 'p.scale')}
${loadTogether(vectors, 'v', 'v', 'vStart + key * vStep', 'p.keepScale')}
${rows((r) => `      var score${r} = V(0.0);\n      var drop${r} = V(0.0);`)}
${useTogether(vectors, 'k', (d, r) => `score${r} += q${r}_${d} * x;`)}
${useTogether(vectors, 'v', (d, r) => `drop${r} += dy${r}_${d} * x;`)}
${rows(
  (
    r,
  ) => `      let dp${r} = ${dropout ? `select(0.0, hsum(drop${r}), ((word${r} >> (key % 32u)) & 1u) == 1u)` : `hsum(drop${r})`};
      let prob${r} = ${ifSeen(causal, `key <= row${r}`, `exp(hsum(score${r}) + bias - term${r}.x) * term${r}.y`)};
      let ds${r} = prob${r} * (dp${r} - term${r}.z);`,
)}
${useTogether(vectors, 'k', (d, r) => `dq${r}_${d} += ds${r} * x;`)}
  }
${storeOwn(vectors, 'dq', (r) => `dq[at${r} * ${vectors}u + d]`, 'p.length')}`,
  );

export const keyValueGradientLanes = ({ vectors, dropout, causal }: LaneConstants): string =>
  main(
    LANES,
    `${headAndTile('p.keys', LANE_TILE)}
${ownRows('p.keys')}
${rows((r) => `  let bias${r} = mask[maskStart + read${r}];`)}
${loadOwn(vectors, 'k', (r) => `k[kStart + read${r} * kStep + d]`)}
${loadOwn(vectors, 'v', (r) => `v[vStart + read${r} * vStep + d]`)}
${sums(vectors, 'dk')}
${sums(vectors, 'dv')}
  for (var row = ${causal ? 'first' : '0u'}; row < p.length; row++) {
      let at = (b * p.length + row) * p.heads + h;
      let term = terms[at];
${dropout ? '      let word = kept[keptStart + row * ((p.keys + 31u) / 32u) + first / 32u];' : ''}
${loadTogether(vectors, 'q', 'q', 'qStart + row * qStep', 'p.scale')}
${loadTogether(vectors, 'dy', 'dy', `at * ${vectors}u`, 'p.keepScale')}
${rows((r) => `      var score${r} = V(0.0);\n      var drop${r} = V(0.0);`)}
${useTogether(vectors, 'q', (d, r) => `score${r} += k${r}_${d} * x;`)}
${useTogether(vectors, 'dy', (d, r) => `drop${r} += v${r}_${d} * x;`)}
${rows(
  (r) => `      let keeps${r} = ${dropout ? `((word >> (row${r} % 32u)) & 1u) == 1u` : 'true'};
      let prob${r} = ${ifSeen(causal, `row${r} <= row`, `exp(hsum(score${r}) + bias${r} - term.x) * term.y`)};
      let weight${r} = select(0.0, prob${r}, keeps${r});
      let ds${r} = prob${r} * (select(0.0, hsum(drop${r}), keeps${r}) - term.z);`,
)}
${useTogether(vectors, 'dy', (d, r) => `dv${r}_${d} += weight${r} * x;`)}
${useTogether(vectors, 'q', (d, r) => `dk${r}_${d} += ds${r} * x;`)}
  }
${rows((r) => `  let at${r} = ((b * p.keys + read${r}) * p.heads + h) * ${vectors}u;`)}
  let values = (p.batch * p.keys * p.heads * ${vectors}u + 15u) / 16u * 16u;
${storeOwn(vectors, 'dk', (r) => `dkv[at${r} + d]`, 'p.keys')}
${storeOwn(vectors, 'dv', (r) => `dkv[values + at${r} + d]`, 'p.keys')}`,
  );
