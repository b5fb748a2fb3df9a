const left = /subgroupMatrixLoad<subgroup_matrix_left<f16, 8, 8>, (row|col)_major>\(&(\w+), /g;
const right = /subgroupMatrixLoad<subgroup_matrix_right<f16, 8, 8>, (row|col)_major>\(&(\w+), /g;

/**
 * Rewrites WGSL with 8 × 8 subgroup matrices as plain WGSL, for an adapter without them but with
 * subgroups of 8. Each lane holds one row of a left matrix and of a result, and all of a right
 * matrix.
 */
export function withoutSubgroupMatrices(text: string): string {
  const row = (array: string, major: string) => `
fn left_${major}_${array}(at: u32, stride: u32) -> array<f32, 8> {
  let r = subgroupExclusiveAdd(1u);
  var x: array<f32, 8>;
  for (var c = 0u; c < 8u; c++) { x[c] = f32(${element(array, major)}); }
  return x;
}`;
  const whole = (array: string, major: string) => `
fn right_${major}_${array}(at: u32, stride: u32) -> array<f32, 64> {
  var x: array<f32, 64>;
  for (var i = 0u; i < 64u; i++) {
    let r = i / 8u;
    let c = i % 8u;
    x[i] = f32(${element(array, major)});
  }
  return x;
}`;
  const functions = [
    ...[...text.matchAll(left)].map(([, major, array]) => row(array, major)),
    ...[...text.matchAll(right)].map(([, major, array]) => whole(array, major)),
  ];
  return `
${text
  .replace(left, 'left_$1_$2(')
  .replace(right, 'right_$1_$2(')
  .replaceAll('subgroup_matrix_result<f32, 8, 8>', 'array<f32, 8>')
  .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiplyAccumulate(')
  .replaceAll('subgroupMatrixStore<row_major>(&results, ', 'storeMatrix(')}
${[...new Set(functions)].join('')}
fn multiplyAccumulate(a: array<f32, 8>, b: array<f32, 64>, sum: array<f32, 8>) -> array<f32, 8> {
  var y = sum;
  for (var i = 0u; i < 64u; i++) { y[i % 8u] += a[i / 8u] * b[i]; }
  return y;
}
fn storeMatrix(at: u32, y: array<f32, 8>, stride: u32) {
  let r = subgroupExclusiveAdd(1u);
  for (var c = 0u; c < 8u; c++) { results[at + r * stride + c / 4u][c % 4u] = y[c]; }
}`;
}

const element = (array: string, major: string): string =>
  major === 'row'
    ? `${array}[at + r * stride + c / 4u][c % 4u]`
    : `${array}[at + c * stride + r / 4u][r % 4u]`;
