import { main, repeat } from '../../device/kernel.ts';
import { LOWEST_F32 } from '../kit/perRow.ts';
import { headAndTileWgsl } from './shape.ts';

/**
 * Attention for software adapters with subgroups of 8, where a load costs as much as ten
 * multiply-adds, barriers more, and each load in the text takes long to compile: one subgroup per
 * workgroup, no shared memory. A lane owns ROWS_PER_LANE rows (of queries, or of keys) and keeps
 * them and their sums in registers. The other side's rows come one after the other: the lanes load
 * a row's vec4s together, once, and share them by broadcast.
 */
const ROWS_PER_LANE = 2;
export const SUBGROUP_SIZE = 8;
export const SUBGROUP_ROWS = ROWS_PER_LANE * SUBGROUP_SIZE;

interface SubgroupConstants {
  /** vec4s of a row. */
  vectors: number;
  dropout: boolean;
  causal: boolean;
}

const forEachOwnRow = (line: (r: number) => string): string => repeat(ROWS_PER_LANE, line);

/** The rows that the lane owns; a row past the end reads the last row and is not stored. */
const ownRows = (count: string): string =>
  forEachOwnRow(
    (r) =>
      `  let row${r} = first + ${r * SUBGROUP_SIZE}u + lane;\n  let clampedRow${r} = min(row${r},
        ${count} - 1u);`,
  );

/** Registers `name{r}_{d}` for vec4 d of a sum. */
const sums = (vectors: number, name: string): string =>
  forEachOwnRow((r) => repeat(vectors, (d) => `  var ${name}${r}_${d} = V(0.0);`));

/**
 * Registers `name{r}_{d}` with vec4 d of an own row, read by `at(r)`. A loop whose length the
 * compiler does not know fills an array, and the array fills the registers: one load in the text
 * instead of one per vec4.
 */
const loadOwn = (vectors: number, name: string, at: (r: number) => string): string =>
  forEachOwnRow(
    (r) => `  var ${name}Row${r}: array<V, ${vectors}>;
  for (var d = 0u; d < p.size / 4u; d++) { ${name}Row${r}[d] = ${at(r)}; }
${repeat(vectors, (d) => `  let ${name}${r}_${d} = ${name}Row${r}[${d}];`)}`,
  );

/**
 * Stores registers times `factor(r)` at `at(r)`, for rows before `count`; from an array, as in
 * `loadOwn`.
 */
const storeOwn = (
  vectors: number,
  name: string,
  at: (r: number) => string,
  count: string,
  factor = (_: number) => '1.0',
): string =>
  forEachOwnRow(
    (r) => `  var ${name}Row${r}: array<V, ${vectors}>;
${repeat(vectors, (d) => `  ${name}Row${r}[${d}] = ${name}${r}_${d} * ${factor(r)};`)}
  if (row${r} < ${count}) {
    for (var d = 0u; d < p.size / 4u; d++) { ${at(r)} = ${name}Row${r}[d]; }
  }`,
  );

/**
 * One row that all lanes need, times `factor`: lane l loads its vec4s l, l + 8, … The factor
 * belongs here, not on own rows: for a broadcast load the compiler checks again whether the lane is
 * active, for each vec4; for a broadcast product it does not.
 */
const loadShared = (
  vectors: number,
  name: string,
  from: string,
  start: string,
  factor: string,
): string =>
  repeat(
    Math.ceil(vectors / SUBGROUP_SIZE),
    (c) =>
      `      let ${name}${c} = ${from}[${start} + min(${c * SUBGROUP_SIZE}u + lane,
        ${vectors - 1}u)] * ${factor};`,
  );

/** Runs `use` for each vec4 `x` of a row loaded together, and each own row. */
const forEachSharedVector = (
  vectors: number,
  name: string,
  use: (d: number, r: number) => string,
): string =>
  repeat(
    vectors,
    (d) => `      { let x = subgroupBroadcast(${name}${Math.floor(d / SUBGROUP_SIZE)},
      ${d % SUBGROUP_SIZE}u);
${forEachOwnRow((r) => `        ${use(d, r)}`)} }`,
  );

/** The word of `keepBits` with the bit of own query row r and a key. */
const keepWord = (r: number, key: string): string =>
  `keepBits[keepStart + clampedRow${r} * ((p.keys + 31u) / 32u) + ${key} / 32u]`;

/** End of the keys that any own query row sees. */
const keyEnd = (causal: boolean): string =>
  causal ? `min(p.keys, first + ${SUBGROUP_ROWS}u)` : 'p.keys';
/** A probability, or 0 if the query comes before the key. */
const ifVisible = (causal: boolean, seen: string, prob: string): string =>
  causal ? `select(0.0, ${prob}, ${seen})` : prob;

export const forwardSubgroup = ({ vectors, dropout, causal }: SubgroupConstants): string =>
  main(
    SUBGROUP_SIZE,
    `${headAndTileWgsl('p.length', SUBGROUP_ROWS)}
${ownRows('p.length')}
${loadOwn(vectors, 'q', (r) => `q[qStart + clampedRow${r} * qStep + d]`)}
${sums(vectors, 'y')}
${forEachOwnRow((r) => `  var rowMax${r} = ${LOWEST_F32};\n  var expSum${r} = 0.0;`)}
  let quad = vec4<u32>(0u, 1u, 2u, 3u);
  for (var c = 0u; c < ${keyEnd(causal)}; c += 4u) {
${forEachOwnRow((r) => `    var scores${r} = V(0.0);`)}
    for (var j = 0u; j < 4u; j++) {
      let key = min(c + j, p.keys - 1u);
      let bias = mask[maskStart + key];
${loadShared(vectors, 'k', 'k', 'kStart + key * kStep', 'p.scale')}
${forEachOwnRow((r) => `      var score${r} = V(0.0);`)}
${forEachSharedVector(vectors, 'k', (d, r) => `score${r} += q${r}_${d} * x;`)}
${forEachOwnRow(
  (r) => `      scores${r} = select(scores${r}, V(hsum(score${r}) + bias),
  quad == vec4<u32>(j));`,
)}
    }
${forEachOwnRow(
  (r) => `    let inside${r} = c + quad < vec4<u32>(${
    causal
      ? `min(p.keys, row${r}
    + 1u)`
      : 'p.keys'
  });
${causal ? `    scores${r} = select(V(${LOWEST_F32}), scores${r}, inside${r});` : ''}
    let newMax${r} = max(rowMax${r}, hmax(scores${r}));
    let rescale${r} = exp(rowMax${r} - newMax${r});
    rowMax${r} = newMax${r};
    var weights${r} = select(V(0.0), exp(scores${r} - newMax${r}), inside${r});
    expSum${r} = expSum${r} * rescale${r} + hsum(weights${r});
${
  dropout
    ? `    weights${r} = select(V(0.0), weights${r}, ((vec4<u32>(${keepWord(r, 'c')})
  >> (c % 32u + quad)) & vec4<u32>(1u)) == vec4<u32>(1u));`
    : ''
}
${repeat(vectors, (d) => `    y${r}_${d} *= rescale${r};`)}`,
)}
    for (var j = 0u; j < 4u; j++) {
      let key = min(c + j, p.keys - 1u);
${loadShared(vectors, 'v', 'v', 'vStart + key * vStep', 'p.keepScale')}
${forEachOwnRow((r) => `      let weight${r} = weights${r}[j];`)}
${forEachSharedVector(vectors, 'v', (d, r) => `y${r}_${d} += weight${r} * x;`)}
    }
  }
${forEachOwnRow((r) => `  let at${r} = (b * p.length + clampedRow${r}) * p.heads + h;`)}
${forEachOwnRow(
  (r) => `  if (row${r} < p.length) { stats[at${r} * 2u] = rowMax${r};
  stats[at${r} * 2u + 1u] = expSum${r}; }`,
)}
${storeOwn(
  vectors,
  'y',
  (r) => `y[at${r} * ${vectors}u + d]`,
  'p.length',
  (r) => `(1.0 / select(expSum${r}, 1.0, expSum${r} == 0.0))`,
)}`,
  );

export const queryGradientSubgroup = ({ vectors, dropout, causal }: SubgroupConstants): string =>
  main(
    SUBGROUP_SIZE,
    `${headAndTileWgsl('p.length', SUBGROUP_ROWS)}
${ownRows('p.length')}
${forEachOwnRow(
  (r) => `  let at${r} = (b * p.length + clampedRow${r}) * p.heads
  + h;\n  let term${r} = terms[at${r}];`,
)}
${loadOwn(vectors, 'q', (r) => `q[qStart + clampedRow${r} * qStep + d]`)}
${loadOwn(vectors, 'dy', (r) => `dy[at${r} * ${vectors}u + d]`)}
${sums(vectors, 'dq')}
${dropout ? forEachOwnRow((r) => `  var keepWord${r} = 0u;`) : ''}
  for (var key = 0u; key < ${keyEnd(causal)}; key++) {
      let bias = mask[maskStart + key];
${
  dropout
    ? `      if (key % 32u == 0u)
  {\n${forEachOwnRow((r) => `        keepWord${r} = ${keepWord(r, 'key')};`)}\n      }`
    : ''
}
${loadShared(vectors, 'k', 'k', 'kStart + key * kStep', 'p.scale')}
${loadShared(vectors, 'v', 'v', 'vStart + key * vStep', 'p.keepScale')}
${forEachOwnRow((r) => `      var score${r} = V(0.0);\n      var dProb${r} = V(0.0);`)}
${forEachSharedVector(vectors, 'k', (d, r) => `score${r} += q${r}_${d} * x;`)}
${forEachSharedVector(vectors, 'v', (d, r) => `dProb${r} += dy${r}_${d} * x;`)}
${forEachOwnRow(
  (r) => `      let dp${r} = ${
    dropout
      ? `select(0.0, hsum(dProb${r}), ((keepWord${r} >> (key % 32u))
    & 1u) == 1u)`
      : `hsum(dProb${r})`
  };
      let prob${r} = ${ifVisible(
        causal,
        `key <= row${r}`,
        `exp(hsum(score${r})
        + bias - term${r}.x) * term${r}.y`,
      )};
      let ds${r} = prob${r} * (dp${r} - term${r}.z);`,
)}
${forEachSharedVector(vectors, 'k', (d, r) => `dq${r}_${d} += ds${r} * x;`)}
  }
${storeOwn(vectors, 'dq', (r) => `dq[at${r} * ${vectors}u + d]`, 'p.length')}`,
  );

export const keyValueGradientSubgroup = ({ vectors, dropout, causal }: SubgroupConstants): string =>
  main(
    SUBGROUP_SIZE,
    `${headAndTileWgsl('p.keys', SUBGROUP_ROWS)}
${ownRows('p.keys')}
${forEachOwnRow((r) => `  let bias${r} = mask[maskStart + clampedRow${r}];`)}
${loadOwn(vectors, 'k', (r) => `k[kStart + clampedRow${r} * kStep + d]`)}
${loadOwn(vectors, 'v', (r) => `v[vStart + clampedRow${r} * vStep + d]`)}
${sums(vectors, 'dk')}
${sums(vectors, 'dv')}
  for (var row = ${causal ? 'first' : '0u'}; row < p.length; row++) {
      let at = (b * p.length + row) * p.heads + h;
      let term = terms[at];
${
  dropout
    ? `      let keepWord = keepBits[keepStart + row * ((p.keys + 31u) / 32u)
        + first / 32u];`
    : ''
}
${loadShared(vectors, 'q', 'q', 'qStart + row * qStep', 'p.scale')}
${loadShared(vectors, 'dy', 'dy', `at * ${vectors}u`, 'p.keepScale')}
${forEachOwnRow((r) => `      var score${r} = V(0.0);\n      var dProb${r} = V(0.0);`)}
${forEachSharedVector(vectors, 'q', (d, r) => `score${r} += k${r}_${d} * x;`)}
${forEachSharedVector(vectors, 'dy', (d, r) => `dProb${r} += v${r}_${d} * x;`)}
${forEachOwnRow(
  (r) => `      let isKept${r} = ${dropout ? `((keepWord >> (row${r} % 32u)) & 1u) == 1u` : 'true'};
      let prob${r} = ${ifVisible(
        causal,
        `row${r} <= row`,
        `exp(hsum(score${r})
        + bias${r} - term.x) * term.y`,
      )};
      let weight${r} = select(0.0, prob${r}, isKept${r});
      let ds${r} = prob${r} * (select(0.0, hsum(dProb${r}), isKept${r}) - term.z);`,
)}
${forEachSharedVector(vectors, 'dy', (d, r) => `dv${r}_${d} += weight${r} * x;`)}
${forEachSharedVector(vectors, 'q', (d, r) => `dk${r}_${d} += ds${r} * x;`)}
  }
${forEachOwnRow(
  (r) => `  let at${r} = ((b * p.keys + clampedRow${r}) * p.heads + h)
  * ${vectors}u;`,
)}
  let values = (p.batch * p.keys * p.heads * ${vectors}u + 15u) / 16u * 16u;
${storeOwn(vectors, 'dk', (r) => `dkv[at${r} + d]`, 'p.keys')}
${storeOwn(vectors, 'dv', (r) => `dkv[values + at${r} + d]`, 'p.keys')}`,
  );
