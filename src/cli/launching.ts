/** Starts the ranks of a training with Open MPI's mpirun, and ends with them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { StateError, UsageError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { importOptional } from '../platform/packages.ts';
import { signalExitCodes, USAGE } from './exitCodes.ts';
import { rankLog, rankVariables } from './ranks.ts';
import { resumableCommands, sharedCommands } from './sharedCommands.ts';
import { shellQuote } from './shell.ts';

export interface LaunchOptions {
  /** Number of ranks. */
  ranks: number;
  /** Hostfile of Open MPI: a host a line, as `name slots=4`. Default: this machine. */
  hosts?: string;
  /** Folder of the logs of the ranks from 1 on. */
  logs: string;
  /** How often a job that failed is started again, from its latest checkpoint. */
  maxRestarts: number;
  /** Seconds that a rank waits for the others. */
  timeout?: number;
  /** Options of the program, such as `--threads=1`, for each rank. Default: none. */
  shared?: readonly string[];
}

/** How a job ended. */
interface Ended {
  code: number;
  /** Whether the launcher was asked to stop. */
  interrupted: boolean;
}

/** Signals that stop a run after its step. */
const stops = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Stop = (typeof stops)[number];

/** `--resume`, under each of its names. */
const RESUME = /^--resume([-_]from[-_]checkpoint)?(=|$)/;

/** How long mpirun has to end, in milliseconds, once a rank has given up on the others. */
const GRACE = 4000;

/**
 * Runs a command on several ranks.
 * @returns the exit code
 * @throws UsageError if the command cannot be shared, or mpirun or koffi is missing.
 */
export async function launch(words: readonly string[], options: LaunchOptions): Promise<number> {
  const [command = ''] = words;
  if (!sharedCommands.includes(command))
    throw new UsageError(
      `<command>: expected one of ${sharedCommands.join(', ')} with its options, ` +
        `got ${formatValue(command)}`,
    );
  checkHosts(options);
  checkMpirun();
  await importOptional('koffi').catch(() => {
    throw new UsageError('launch needs the package koffi: run npm install koffi');
  });
  for (let rank = 1; rank < options.ranks; rank++)
    rmSync(rankLog(options.logs, rank), { force: true });
  const resumable = resumableCommands.includes(command);
  for (let tries = 0; ; tries++) {
    const resumes = tries > 0 && resumable && !words.some((word) => RESUME.test(word));
    const line = mpirunLine([...words, ...(resumes ? ['--resume', 'auto'] : [])], options);
    console.error(`launch: mpirun ${line.map(shellQuote).join(' ')}`);
    const { code, interrupted } = await runMpi(line);
    if (code === 0 || interrupted) return code;
    showLogs(options);
    // Another try does not mend wrong usage.
    if (code === USAGE || tries === options.maxRestarts) return code;
    console.error(
      `launch: the job ended with ${code}; start ${tries + 2} of at most ` +
        `${options.maxRestarts + 1}${resumable ? ', from the latest checkpoint' : ''}`,
    );
  }
}

function checkHosts({ hosts }: LaunchOptions): void {
  if (hosts !== undefined && !existsSync(hosts))
    throw new UsageError(`--hosts: expected a file, got ${hosts}, which is not there`);
}

function checkMpirun(): void {
  const { error, stdout } = spawnSync('mpirun', ['--version'], { encoding: 'utf8' });
  const install =
    'install Open MPI (Debian, Ubuntu: apt-get install openmpi-bin; macOS: brew install open-mpi)';
  if (error) throw new UsageError(`launch needs mpirun, which is not on the PATH: ${install}`);
  if (!/Open MPI/.test(stdout))
    throw new UsageError(
      `launch needs Open MPI's mpirun, got ${formatValue(stdout.split('\n')[0])}: ${install}, or ` +
        'start the ranks yourself (srun or mpiexec, then npx wigbert train …)',
    );
}

/** The arguments of mpirun. */
export function mpirunLine(words: readonly string[], options: LaunchOptions): string[] {
  const { ranks, hosts, logs, timeout, shared = [] } = options;
  const isCrowded = hosts === undefined && ranks > availableParallelism();
  const variables = {
    [rankVariables.logs]: logs,
    ...(timeout !== undefined && { [rankVariables.timeout]: `${timeout}` }),
  };
  return [
    '-n',
    `${ranks}`,
    ...(hosts === undefined ? ['--oversubscribe'] : ['--hostfile', hosts]),
    // Ranks of a machine share its cores by the number of their threads.
    ...['--bind-to', 'none', '--quiet'],
    ...(process.getuid?.() === 0 ? ['--allow-run-as-root'] : []),
    // A rank that waits leaves its core to the others.
    ...(isCrowded ? ['--mca', 'mpi_yield_when_idle', '1'] : []),
    ...Object.entries(variables).flatMap(([name, value]) => ['-x', `${name}=${value}`]),
    process.execPath,
    fileURLToPath(new URL('./main.js', import.meta.url)),
    ...shared,
    ...words,
  ];
}

async function runMpi(line: readonly string[]): Promise<Ended> {
  // In a group of its own: the terminal's Ctrl-C would have mpirun end the ranks before they save.
  const child = spawn('mpirun', line, { stdio: ['inherit', 'inherit', 'pipe'], detached: true });
  let received: Stop | undefined;
  const stop = (name: Stop) => {
    // mpirun passes SIGUSR2 on to the ranks, which end their step and save.
    child.kill(received ? 'SIGTERM' : 'SIGUSR2');
    received = name;
  };
  for (const name of stops) process.on(name, stop);
  try {
    const ended = new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
    });
    passOn(child);
    const code = await ended;
    if (received && code !== USAGE) return { code: signalExitCodes[received], interrupted: true };
    return { code, interrupted: false };
  } catch (error) {
    throw new StateError(`mpirun could not be started: ${(error as Error).message}`);
  } finally {
    for (const name of stops) process.off(name, stop);
  }
}

/** Passes on what the ranks say; once one of them gives up, mpirun must end. */
function passOn(child: ChildProcess): void {
  createInterface({ input: child.stderr! }).on('line', (text) => {
    console.error(text);
    if (!/^wigbert: rank \d+ has waited /.test(text)) return;
    // mpirun may itself wait for a host that cannot be reached.
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE);
    child.on('close', () => clearTimeout(timer));
  });
}

/** What the other ranks said last, since it may be why the job failed. */
function showLogs({ logs, ranks }: LaunchOptions): void {
  for (let rank = 1; rank < ranks; rank++) {
    const path = rankLog(logs, rank);
    const last = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').at(-1) : '';
    if (last) console.error(`rank ${rank}: ${last} (${path})`);
  }
}
