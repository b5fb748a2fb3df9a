/**
 * Tries the packed package in runtimes: each trains the app of scripts/bundlers on every device and
 * saves a folder that this Node must read to the same labels; then it runs the first program of
 * README.md and a few commands.
 *
 *     node scripts/runtimes.mjs            # every runtime
 *     node scripts/runtimes.mjs bun deno   # those whose name contains one of these
 *     node scripts/runtimes.mjs --device cpu,wasm
 *     node scripts/runtimes.mjs --keep DIR # keeps what is installed, or uses it
 *
 * The runtimes come from npm's registry. It prints a line for each; exit code 1 if one fails.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const runtimes = {
  'node 20': { from: 'node@20', program: 'node', args: [] },
  'node 22': { from: 'node@22', program: 'node', args: [] },
  'node 24': { from: 'node@24', program: 'node', args: [] },
  'node 26': { from: 'node@26', program: 'node', args: [] },
  bun: { from: 'bun', program: 'bun', args: [] },
  deno: { from: 'deno', program: 'deno', args: ['run', '-A'] },
};

/** Commands, and what each must print. */
const commands = {
  '--help': /Usage: wigbert/,
  doctor: /training +ok/,
  'train reviews.tsv --model MODEL --device wasm --max-steps 2 --out out/trained': /saved in out/,
  'predict --model out/trained --device cpu a': /\t/,
  'demo --epochs 1': /test accuracy/,
};

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  options: {
    device: { type: 'string', default: 'cpu,wasm,webgpu' },
    keep: { type: 'string' },
  },
  allowPositionals: true,
});
const work = values.keep ?? mkdtempSync(join(tmpdir(), 'wigbert-runtimes-'));
const app = join(work, 'app');
const run = (program, args, cwd = app) =>
  execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A project in a folder, with packages. */
function install(dir, ...packages) {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{ "private": true, "type": "module" }\n');
  run('npm', ['install', ...packages, '--no-audit', '--no-fund', '--loglevel=error'], dir);
}

function makeApp() {
  const packed = run('npm', ['pack', '--silent', '--pack-destination', work], root);
  install(app, join(work, packed.trim().split('\n').at(-1)));
  for (const file of ['bundlers/app.js', 'runtimes/main.js', 'runtimes/read.js'])
    cpSync(join(root, 'scripts', file), join(app, file.split('/')[1]));
  const [, code] = /^```ts\n([\s\S]*?)^```/m.exec(readFileSync(join(root, 'README.md'), 'utf8'));
  writeFileSync(join(app, 'readme.js'), code);
  const rows = readFileSync(join(root, 'data', 'reviews-ko.tsv'), 'utf8')
    .split('\n')
    .slice(0, 33);
  writeFileSync(join(app, 'reviews.tsv'), `${rows.join('\n')}\n`);
}

/** Where npm put the runtime; npm installs it if it is not there yet. */
function findProgram(name, { from, program }) {
  const dir = join(work, name.replace(' ', '-'));
  const path = join(dir, 'node_modules', '.bin', program);
  if (!existsSync(path)) install(dir, from);
  return path;
}

/** Tries one runtime; gives the seconds that each part took. */
function tryRuntime(name, runtime) {
  const program = findProgram(name, runtime);
  const start = (...args) => run(program, [...runtime.args, ...args]);
  const times = {};
  const timed = (part, work) => {
    const begin = performance.now();
    work();
    times[part] = Math.round((performance.now() - begin) / 1000);
  };
  for (const device of values.device.split(','))
    timed(device, () => {
      const dir = `models/${name.replace(' ', '-')}-${device}`;
      const { steps, sum, labels } = JSON.parse(start('main.js', device, dir));
      if (steps !== 20 || sum !== '2,3') throw new Error(`got ${steps} steps and the sum ${sum}`);
      const read = run(process.execPath, ['read.js', dir]).trim();
      if (read !== labels.join()) throw new Error(`it said ${labels}, Node reads ${read}`);
    });
  timed('README', () => start('readme.js'));
  const wigbert = join('node_modules', 'wigbert', 'bin', 'wigbert.mjs');
  const model = join('node_modules', 'wigbert', 'models', 'bert-tiny-ko');
  for (const [line, expected] of Object.entries(commands))
    timed(line.split(' ')[0], () => {
      const words = line.split(' ').map((word) => (word === 'MODEL' ? model : word));
      const output = start(wigbert, ...words);
      if (!expected.test(output)) throw new Error(`wigbert ${line} printed:\n${output}`);
    });
  rmSync(join(app, 'out'), { recursive: true });
  return times;
}

mkdirSync(work, { recursive: true });
makeApp();
const chosen = Object.entries(runtimes).filter(
  ([name]) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
for (const [name, runtime] of chosen) {
  try {
    const times = Object.entries(tryRuntime(name, runtime));
    console.log(`${name}: ${times.map(([part, seconds]) => `${part} ${seconds} s`).join(', ')}`);
  } catch (error) {
    console.log(`${name}: FAILED\n${error.stack}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
    process.exitCode = 1;
  }
}
if (!values.keep) rmSync(work, { recursive: true, force: true });
