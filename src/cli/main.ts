import { Command, CommanderError } from 'commander';
import { UsageError, WigbertError } from '../platform/errors.ts';
import { withUsualNames } from './aliases.ts';
import { commandList } from './commandList.ts';
import { separateLaunched } from './commands/launch.ts';
import { fieldsToFlags } from './flags.ts';
import { positiveInteger } from './numbers.ts';
import { printConfig, withOptionsFile } from './optionsFile.ts';
import { packageVersion } from './shippedFile.ts';

/** Exit codes: 0 done, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C. */
const FAILURE = 1;
const USAGE = 2;

const program = new Command('wigbert')
  .description('Trains and runs BERT on WebGPU: labels, scores and tags for texts.')
  .version(packageVersion())
  .option('--debug', 'show the stack of an error')
  .option('--profile', 'time each kernel, and show a table at the end')
  .option(
    '--threads <n>',
    'threads of the wasm device (default: one for each core, at most 16); results do not change',
    positiveInteger,
  )
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

const given = process.argv.slice(2);
const used = given.find((word) => Object.hasOwn(commandList, word));
for (const [name, { description, load }] of Object.entries(commandList)) {
  const command = name === used ? await load() : new Command(name);
  program.addCommand(command.description(description).copyInheritedSettings(program));
  for (const part of command.commands) part.copyInheritedSettings(program);
}

/** Commands whose result is what they print. */
const printers = [
  'check',
  'evaluate',
  'predict',
  'tokenize',
  'info',
  'kernels',
  'bench',
  'doctor',
  'verify',
];

/** Commands that several processes share. */
const trainers = ['train', 'pretrain'];

let current: Command = program;
let json = false;
let savesResult = false;
program.hook('preAction', async (_, command) => {
  current = command;
  if (command.opts().printConfig) printConfig(command);
  json = command.opts().json === true;
  savesResult = !printers.includes(command.name()) || command.opts().out !== undefined;
  const { profile, threads } = program.opts();
  if (profile) (await import('./profile.ts')).enableProfile();
  if (threads) (await import('./openDevice.ts')).setThreads(threads);
  if (trainers.includes(command.name())) await (await import('./ranks.ts')).joinRanks();
});

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') {
      console.error(`wigbert: cannot write what is printed: ${message}`);
      process.exit(FAILURE);
    }
    // A reader may stop early (`| head`); then there is nothing more to do.
    if (!savesResult) process.exit(0);
  });
}

try {
  const words =
    used === 'launch'
      ? separateLaunched(given)
      : withOptionsFile(withUsualNames(given, program), program);
  await program.parseAsync(words, { from: 'user' });
  if (program.opts().profile) await (await import('./profile.ts')).endProfile(json);
  if (trainers.includes(current.name()))
    await (await import('./ranks.ts')).leaveRanks(program.opts().profile === true);
} catch (error) {
  process.exitCode = await report(error);
}
// A pipe takes what is written when it can: wait for it.
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) => new Promise((resolve) => stream.write('', resolve)),
  ),
);
// Dawn's threads can delay the end; nothing is lost without them.
process.exit();

/** Prints an error and returns the exit code. */
async function report(error: unknown): Promise<number> {
  // Commander has printed its own errors; --help and --version end here too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  const { endDownload } = await import('./download.ts');
  endDownload();
  const { message, stack } = error as Error;
  const isUsage = error instanceof UsageError;
  if (program.opts().debug) console.error(stack);
  else console.error(`wigbert: ${isUsage ? fieldsToFlags(message, current) : message}`);
  if (!(error instanceof WigbertError) && !program.opts().debug)
    console.error('this may be a bug; --debug shows the stack');
  return isUsage ? USAGE : FAILURE;
}
