/**
 * Sums of many terms in blocks. A sum that takes term after term loses digits in proportion to
 * their number. Three levels, each of `block` sums of the level below, lose no more than three
 * short sums do, and cost one addition more for each block (N. J. Higham, "The accuracy of floating
 * point summation", SIAM J. Sci. Comput. 14, 1993).
 */
export interface Cascade {
  /** Names of the sums: the text declares each of them. */
  sums: readonly string[];
  /** WGSL type of a sum. */
  type: string;
  /** The walk: WGSL expressions of its first place and its end, and its step. */
  variable: string;
  from: string;
  to: string;
  step: number;
  block: number;
  /** WGSL of one place: adds to `part_NAME` for each sum. */
  body: string;
}

/** WGSL: `var NAME` for each sum, of the terms that `body` adds at each place of the walk. */
export function cascadeWgsl({
  sums,
  type,
  variable,
  from,
  to,
  step,
  block,
  body,
}: Cascade): string {
  const each = (text: (name: string) => string) => sums.map(text).join(' ');
  return `
  ${each((name) => `var ${name} = ${type}();`)}
  for (var start2 = ${from}; start2 < ${to}; start2 += ${step * block * block}u) {
    ${each((name) => `var block_${name} = ${type}();`)}
    let end2 = min(start2 + ${step * block * block}u, ${to});
    for (var start1 = start2; start1 < end2; start1 += ${step * block}u) {
      ${each((name) => `var part_${name} = ${type}();`)}
      let end1 = min(start1 + ${step * block}u, end2);
      for (var ${variable} = start1; ${variable} < end1; ${variable} += ${step}u) {
        ${body}
      }
      ${each((name) => `block_${name} += part_${name};`)}
    }
    ${each((name) => `${name} += block_${name};`)}
  }`;
}
