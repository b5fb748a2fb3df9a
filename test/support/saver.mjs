/**
 * Saves model folders until a test kills it. `saver.mjs DIR FIRST [CALLS]` saves version FIRST,
 * then the next, and so on; versions differ in every file. With CALLS it kills itself before that
 * call of the file system.
 */
import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { writeCheckpoint } from '../../dist/src/bert/checkpoint/write.js';
import { bertConfig, labelFields } from '../../dist/src/bert/config.js';

const [dir, first, calls] = process.argv.slice(2);

if (calls !== undefined) {
  let left = Number(calls);
  for (const name of ['open', 'mkdir', 'rename', 'rm', 'writeFile']) {
    const original = promises[name];
    promises[name] = async (...args) => {
      if (left-- === 0) process.kill(process.pid, 'SIGKILL');
      return original(...args);
    };
  }
  syncBuiltinESMExports();
}

/** @param {number} version */
async function save(version) {
  const config = bertConfig({ ...labelFields([`label ${version}`, 'other']), extra: { version } });
  const weights = Array.from({ length: 4 }, (_, i) => {
    const data = async () => new Float32Array(50_000).fill(version + i);
    return /** @type {const} */ ([`weight.${i}`, { shape: [50, 1000], data }]);
  });
  await writeCheckpoint(dir, config, ['BertModel'], weights, {
    'vocab.txt': `${version}\n`,
    'extra.json': `${version}`,
  });
  console.log(version);
}

for (let version = Number(first); ; version++) {
  await save(version);
  if (calls !== undefined) break;
}
