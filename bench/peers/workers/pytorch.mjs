/** PyTorch on the CPU, in a Python process that pytorch.py runs: inputs and results go as files. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { serve, training } from '../protocol.mjs';

const kinds = [
  'matmul',
  'softmax',
  'layerNorm',
  'gelu',
  'adds',
  'adamw',
  'bertForward',
  'bertTrain',
];

await serve(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wigbert-peers-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  const script = fileURLToPath(new URL('pytorch.py', import.meta.url));
  const args = [script, folder, String(availableParallelism())];
  const python = spawn('/usr/bin/python3', args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the package python3-torch is not installed, or its process ended');
    return JSON.parse(value);
  };
  const ask = (request) => {
    python.stdin.write(`${JSON.stringify(request)}\n`);
    return answer();
  };
  // Without Python its output ends at once, which `answer` reports.
  python.on('error', () => {});
  python.stdin.on('error', () => {});
  const { version } = await answer();

  let count = 0;
  /** Typed arrays become { file, shape, type }. */
  const stored = (value) => {
    if (ArrayBuffer.isView(value)) {
      const file = `input${count++}`;
      writeFileSync(join(folder, file), value);
      return { file, type: value instanceof Int32Array ? 'int32' : 'float32' };
    }
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(stored);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, stored(each)]));
  };
  const prepared = (kind) => async (inputs) => {
    const { id } = await ask({ kind, inputs: stored(inputs) });
    const run = async () => (await ask({ run: id })).value;
    const result = async () => {
      await ask({ result: id });
      const bytes = readFileSync(join(folder, 'result'));
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    };
    return kind === 'bertTrain' ? training(inputs.bert, run) : { run, result };
  };
  return {
    about: () => ({ version }),
    kinds: Object.fromEntries(kinds.map((kind) => [kind, prepared(kind)])),
  };
});
